// How tensors lie one after the other in flat memory, which ranks can cut into equal parts.
import { dtypeBytes, type Tensor } from '../torch/index.ts';

/** Small enough that the first is under way early, large enough that the start of a collective costs nothing. PyTorch has 25 MiB, too. */
export const BUCKET_BYTES = 25 * 2 ** 20;

/** Tensors of one dtype and device that lie together. */
export interface Flat {
  /** Their numbers, and where each begins, in elements. */
  readonly members: readonly number[];
  readonly starts: readonly number[];
  /** Elements: a multiple of the world, so that the end may be of no tensor. */
  readonly size: number;
}

/** Tensors from the last to the first, cut where a flat would get larger than `bytes`, and between dtypes and devices: backward makes gradients from the end. */
export function layOutBackwards(tensors: readonly Tensor[], world: number, bytes: number): Flat[] {
  const groups: number[][] = [];
  let [size, kind] = [0, ''];
  for (let i = tensors.length - 1; i >= 0; i--) {
    const { dtype, device } = tensors[i]!;
    const own = tensors[i]!.numel() * dtypeBytes(dtype);
    if (groups.length === 0 || size + own > bytes || kind !== `${dtype} ${device}`) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(i);
    size += own;
    kind = `${dtype} ${device}`;
  }
  return groups.map((members) => layOut(tensors, members, world));
}

/** These members, in this order. */
export function layOut(tensors: readonly Tensor[], members: readonly number[], world: number): Flat {
  let end = 0;
  const starts = members.map((i) => {
    const start = end;
    end += tensors[i]!.numel();
    return start;
  });
  return { members, starts, size: Math.ceil(end / world) * world };
}

/** What a rank owns of one tensor: the elements [from, to) of it, flattened; none when they are equal. */
export interface Part {
  readonly from: number;
  readonly to: number;
  /** Where they begin in the rank's part of the flat. */
  readonly start: number;
}

/** What `rank` owns of each member of a flat, which is cut into `world` equal parts. */
export function partsOf(
  { members, starts, size }: Flat,
  tensors: readonly Tensor[],
  rank: number,
  world: number,
): Part[] {
  const [first, last] = [(size / world) * rank, (size / world) * (rank + 1)];
  return members.map((i, at) => {
    const [start, end] = [starts[at]!, starts[at]! + tensors[i]!.numel()];
    const [from, to] = [Math.max(start, first), Math.min(end, last)];
    return to > from ? { from: from - start, to: to - start, start: from - first } : { from: 0, to: 0, start: 0 };
  });
}
