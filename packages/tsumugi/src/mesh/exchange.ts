// Small things that ranks tell each other: numbers, and whatever JSON can say. They are in the CPU's memory, wherever the model is.
import { fromBytes, noGrad, scope, type Tensor, tensor, zeros } from '../torch/index.ts';
import { type Mesh, waitAll } from './mesh.ts';

/** `values` added up over all ranks, each by its place (or the largest of each); the same on every rank, in float64. */
export function reduceNumbers(mesh: Mesh, values: readonly number[], operation: 'sum' | 'max' = 'sum'): number[] {
  if (mesh.world === 1 || values.length === 0) return [...values];
  return scope(() => {
    const all = tensor(values, { dtype: 'float64', device: 'cpu' });
    mesh.allReduce(all, operation).wait();
    return all.tolist() as number[];
  });
}

/** What each rank gives, by rank. It may be of another length on each. */
export function gatherJson<T>(mesh: Mesh, value: T): T[] {
  if (mesh.world === 1) return [value];
  const bytes = Buffer.from(JSON.stringify(value));
  const [longest = 0] = reduceNumbers(mesh, [bytes.length], 'max');
  return scope(() => {
    // JSON may end with spaces, so what is shorter is filled up with them.
    const own = fromBytes(Buffer.concat([bytes, Buffer.alloc(longest - bytes.length, ' ')]), 'uint8', [longest]);
    const all = zeros([mesh.world * longest], { dtype: 'uint8', device: 'cpu' });
    mesh.allGather(all, own).wait();
    const found = Buffer.from(all.bytes());
    return Array.from({ length: mesh.world }, (_, rank) =>
      JSON.parse(found.toString('utf8', rank * longest, (rank + 1) * longest)),
    );
  });
}

/** What rank 0 gives, for all. */
export const fromFirst = <T>(mesh: Mesh, value: T | undefined): T => gatherJson(mesh, value ?? null)[0] as T;

/** Numbers by name, of each rank. NaN and infinity arrive as they are. */
export function gatherNumbers(mesh: Mesh, record: Readonly<Record<string, number>>): Record<string, number>[] {
  // As text, since JSON has neither.
  const all = gatherJson(
    mesh,
    Object.entries(record).map(([name, value]) => [name, String(value)] as const),
  );
  return all.map((entries) => Object.fromEntries(entries.map(([name, text]) => [name, Number(text)])));
}

/** Numbers by name, added up over the ranks that have them. */
export function sumRecords(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const record of records)
    for (const [name, value] of Object.entries(record)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}

/** Tensors of rank 0 for all, in place. */
export function broadcastAll(mesh: Mesh, tensors: readonly Tensor[]): void {
  if (mesh.world === 1) return;
  const works = noGrad(() => tensors.map((each) => mesh.broadcast(each)));
  waitAll(works);
}

/** The things [from, to). */
export interface Share {
  readonly from: number;
  readonly to: number;
}

/**
 * Things of these sizes shared out over ranks: neighbours to each, of about as much as any other has. A thing is of the rank in whose
 * equal part of the whole its middle lies, so that none has more than its part and the largest thing. Ranks that get none are the last.
 */
export function shareOut(world: number, sizes: readonly number[]): Share[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0 && sizes.length > 0) return shareOut(world, new Array<number>(sizes.length).fill(1));
  const counts = new Array<number>(world).fill(0);
  let before = 0;
  for (const size of sizes) {
    // In whole numbers where the sizes are: all ranks have to find the same.
    counts[Math.max(0, Math.ceil(((2 * before + size) * world) / (2 * total)) - 1)]!++;
    before += size;
  }
  const given = counts.filter((count) => count > 0);
  let to = 0;
  return counts.map((_, rank) => {
    const from = to;
    to += given[rank] ?? 0;
    return { from, to };
  });
}

/** What of things of these sizes is this rank's. */
export const ownShare = ({ rank, world }: Pick<Mesh, 'rank' | 'world'>, sizes: readonly number[]): Share =>
  shareOut(world, sizes)[rank]!;

/** The part [from, to) of `count` things that is this rank's: parts differ by one at most. */
export function ownPart({ rank, world }: Pick<Mesh, 'rank' | 'world'>, count: number): Share {
  return { from: Math.floor((rank * count) / world), to: Math.floor(((rank + 1) * count) / world) };
}
