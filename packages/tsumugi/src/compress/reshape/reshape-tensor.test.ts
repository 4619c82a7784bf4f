// Tensors that are made in pieces: the same as at once, with the rows and factors of their places.
import { expect, it } from 'vitest';
import { cat, Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { type Axis, layoutOf } from './axes.ts';
import { type ChannelMap, identityMap } from './channel-map.ts';
import { reshapeConfig } from './reshape.testing.ts';
import { changeTensor } from './reshape-tensor.ts';

const config = reshapeConfig(); // h 96, I 24
const copies = (before: number, from: readonly number[]): ChannelMap => ({ before, from });
const maps: Partial<Record<Axis, ChannelMap>> = {
  hidden: copies(96, [...Array(96).keys(), 3, 3, 95]),
  ffn: copies(24, [23, 0, 1, 1, 5, 5, 5]),
};
const mapOf = (axis: Axis): ChannelMap => maps[axis] ?? identityMap(axis === 'hidden' ? 96 : 24);
const numbers = (x: Tensor) => x.reshape([-1]).tolist() as number[];

it.each(['mlp.gate_up_proj.weight', 'mlp.down_proj.weight', 'post_mlp_norm.weight'])(
  '%s is the same in pieces',
  (name) => {
    scope(() => {
      const layout = layoutOf(`model.layers.layers.0.${name}`, config);
      const shape = { 'mlp.gate_up_proj.weight': [48, 96], 'mlp.down_proj.weight': [96, 24] }[name] ?? [96];
      const source = randn(shape, { rng: new Rng(1), dtype: 'float64' });
      for (const of of [mapOf, (axis: Axis) => (axis === 'hidden' ? mapOf(axis) : identityMap(24))]) {
        const change = changeTensor(layout, of);
        const [whole] = [...change.pieces(source, Number.POSITIVE_INFINITY)];
        expect(whole!.shape).toEqual(change.shape);
        for (const rows of [1, 5]) {
          const pieces = [...change.pieces(source, rows)];
          expect(pieces.length).toBe(Math.ceil(change.shape[0]! / rows));
          expect(numbers(cat(pieces))).toEqual(numbers(whole!));
        }
      }
    });
  },
);

it('divides by copies in the places where they are, in float64 where the tensor is', () => {
  scope(() => {
    const layout = layoutOf('model.layers.layers.0.mlp.down_proj.weight', config);
    const source = randn([96, 24], { rng: new Rng(2), dtype: 'float64' });
    const only = (axis: Axis) => (axis === 'ffn' ? maps.ffn! : identityMap(96));
    const made = cat([...changeTensor(layout, only).pieces(source, 7)]);
    expect(made.dtype).toBe('float64');
    const [before, after] = [source, made].map((each) => each.tolist() as number[][]) as [number[][], number[][]];
    const [from, count] = [maps.ffn!.from, [1, 1, 2, 2, 3, 3, 3]];
    for (const [r, row] of after.entries())
      expect(row).toEqual(from.map((channel, i) => before[r]![channel]! * (1 / count[i]!)));
  });
});

it('takes rows as they lie where nothing changes', () => {
  scope(() => {
    const source = randn([96, 24], new Rng(3));
    const same = (axis: Axis) => identityMap(axis === 'hidden' ? 96 : 24);
    const change = changeTensor(layoutOf('model.layers.layers.0.mlp.down_proj.weight', config), same);
    expect(numbers(cat([...change.pieces(source, 10)]))).toEqual(numbers(source));
  });
});
