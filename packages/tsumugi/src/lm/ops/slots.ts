// Which state each row of a decoding pass goes on from, and where it leaves its own. Rows are taken in order, so that several tokens of
// one text are several rows, each of which goes on from what the one before it left.

export interface Slots {
  from: readonly number[];
  to: readonly number[];
}

/** Row r goes on from state r, in place. */
export const ownSlots: Slots = { from: [], to: [] };

/** The rows in groups that can be taken at a time, in order: none needs what another of its group leaves. */
export function wavesOf({ from, to }: Slots, rows: number): number[][] {
  const slot = (numbers: readonly number[], r: number) => numbers[r] ?? r;
  const [written, read] = [new Map<number, number>(), new Map<number, number>()];
  const waves: number[][] = [];
  for (let r = 0; r < rows; r++) {
    const [source, target] = [slot(from, r), slot(to, r)];
    const after = Math.max(written.get(source) ?? -1, written.get(target) ?? -1, read.get(target) ?? -1);
    const wave = after + 1;
    written.set(target, wave);
    read.set(source, Math.max(wave, read.get(source) ?? -1));
    waves[wave] ??= [];
    waves[wave].push(r);
  }
  return waves;
}
