// A tensor with other channels: rows and columns chosen, multiplied by the factors that keep the function.
import { numElements, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { Axis, Layout } from './axes.ts';
import { type ChannelMap, factors, isIdentity, rowsOf } from './channel-map.ts';

type MapOf = (axis: Axis) => ChannelMap;

/** One dimension: which of its rows, and by what each is multiplied. Undefined where nothing changes. */
interface Change {
  readonly length: number;
  readonly rows: readonly number[] | undefined;
  readonly factors: readonly number[] | undefined;
}

function changeOf(runs: Layout[number], mapOf: MapOf): Change {
  const [rows, scales]: [number[], number[]] = [[], []];
  let [start, isSame, isScaled] = [0, true, false];
  for (const run of runs) {
    if (typeof run === 'number') {
      for (let i = 0; i < run; i++) rows.push(start + i);
      scales.push(...new Array<number>(run).fill(1));
      start += run;
      continue;
    }
    const map = mapOf(run.axis);
    for (const row of rowsOf(run, map, start)) rows.push(row);
    const own = factors(run, map);
    for (let i = 0; i < map.from.length * run.each; i++) scales.push(own?.[Math.floor(i / run.each)] ?? 1);
    isSame &&= isIdentity(map);
    isScaled ||= own !== undefined;
    start += map.before * run.each;
  }
  return { length: rows.length, rows: isSame ? undefined : rows, factors: isScaled ? scales : undefined };
}

/** A gain that is kept without its offset: (offset + w)·factor − offset. */
export interface Gain {
  readonly offset: number;
  readonly factor: number;
}

export interface TensorChange {
  readonly shape: readonly number[];
  /** The new tensor in pieces of rows, in the old one's type; computed in float32, or float64 when it is that. */
  pieces(source: Tensor, rowsAtOnce?: number): Generator<Tensor>;
}

const pieceElements = 4 << 20;

/** What becomes of a tensor of this layout. `gain`: of a norm over a changed axis. */
export function changeTensor(layout: Layout, mapOf: MapOf, gain?: Gain): TensorChange {
  const changes = layout.map((runs) => changeOf(runs, mapOf));
  const shape = changes.map(({ length }) => length);
  const isScaled = changes.some(({ factors }) => factors) || (gain !== undefined && gain.factor !== 1);
  const rowElements = numElements(shape.slice(1));

  function* pieces(source: Tensor, rowsAtOnce = Math.max(1, Math.floor(pieceElements / rowElements))) {
    for (let first = 0; first < shape[0]!; first += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, shape[0]! - first);
      yield scope(() => {
        const [rows, ...columns] = changes as [Change, ...Change[]];
        let part = rows.rows
          ? source.indexSelect(0, indexTensor(rows.rows.slice(first, first + count)))
          : source.narrow(0, first, count);
        for (const [i, change] of columns.entries())
          if (change.rows) part = part.indexSelect(i + 1, indexTensor(change.rows));
        if (!isScaled) return part.clone();
        const wide = source.dtype === 'float64' ? 'float64' : 'float32';
        let values = part.to(wide);
        for (const [i, { factors: all }] of changes.entries()) {
          if (!all) continue;
          const own = i === 0 ? all.slice(first, first + count) : all;
          values = values.mul(tensor(own, { dtype: wide, shape: shape.map((_, j) => (j === i ? own.length : 1)) }));
        }
        if (gain) values = values.add(gain.offset).mul(gain.factor).sub(gain.offset);
        return values.to(source.dtype);
      });
    }
  }
  return { shape, pieces };
}

/** int64 [rows], for `indexSelect`. */
export const indexTensor = (rows: readonly number[]): Tensor => tensor(BigInt64Array.from(rows, BigInt));
