// Flat memory: every element of every tensor is of exactly one rank.
import { expect, it } from 'vitest';
import { scope, type Tensor, zeros } from '../torch/index.ts';
import { layOutBackwards, partsOf } from './flat-layout.ts';

it.each([1, 2, 3, 4, 7])('cuts flats into %i parts, without a gap', (world) => {
  scope(() => {
    const tensors = [[5, 7], [3], [1], [64, 2], [11]].map((shape) => zeros(shape));
    for (const bytes of [1, 200, 1e6]) {
      const flats = layOutBackwards(tensors, world, bytes);
      expect(flats.flatMap(({ members }) => members)).toEqual([4, 3, 2, 1, 0]);
      for (const flat of flats) {
        expect(flat.size % world).toBe(0);
        const found = flat.members.map(() => 0);
        let longest = 0;
        for (let rank = 0; rank < world; rank++)
          for (const [at, { from, to, start }] of partsOf(flat, tensors, rank, world).entries()) {
            if (to === from) continue;
            expect(from).toBe(found[at]);
            expect(flat.starts[at]! + from).toBe((flat.size / world) * rank + start);
            found[at] = to;
            longest = Math.max(longest, start + to - from);
          }
        expect(found).toEqual(flat.members.map((i) => tensors[i]!.numel()));
        expect(longest).toBeLessThanOrEqual(flat.size / world);
      }
    }
  });
});

it('begins another flat where one would get too large, or the dtype is another', () => {
  scope(() => {
    const members = (tensors: readonly Tensor[], bytes: number) =>
      layOutBackwards(tensors, 2, bytes).map((flat) => flat.members);
    const tensors = [3, 4, 2, 1].map((size) => zeros([size]));
    expect(members(tensors, 12)).toEqual([[3, 2], [1], [0]]);
    expect(members(tensors, 28)).toEqual([[3, 2, 1], [0]]);
    expect(members(tensors, 1e6)).toEqual([[3, 2, 1, 0]]);
    const half = zeros([4], { dtype: 'bfloat16' });
    expect(members([tensors[0]!, half, half, tensors[2]!], 1e6)).toEqual([[3], [2, 1], [0]]);
    expect(members([half, half], 15)).toEqual([[1], [0]]);
  });
});
