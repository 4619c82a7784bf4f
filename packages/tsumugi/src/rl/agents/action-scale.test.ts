// From [−1, 1] into a box and back.
import { expect, it } from 'vitest';
import { ConfigError, RandomStream } from '../../base/index.ts';
import { scope, tensor } from '../../torch/index.ts';
import { Box, type BoxDType, MultiDiscrete } from '../spaces/index.ts';
import { ActionOutput } from './action-output.ts';
import { ActionScale } from './action-scale.ts';

it.each<BoxDType>(['float32', 'float64'])('never leads out of a box of %s, wherever its bounds are', (dtype) => {
  const rng = new RandomStream(1);
  const outside: unknown[] = [];
  for (let i = 0; i < 300; i++) {
    const low = 10 * rng.next() - 5;
    const box = new Box([low], [low + 0.01 + 5 * rng.next()], [1], dtype);
    using scale = new ActionScale('test', box);
    const output = new ActionOutput(box);
    const actions = [-1, 1].map((edge) => scale.toBox(Float32Array.of(edge)));
    actions.push(...(output.actions(Float32Array.of(-99, 99)) as Float32Array[]));
    for (const action of actions) if (!box.contains(action)) outside.push([String(box), action]);
    // It is the edge, but for the last digit.
    for (const [k, edge] of [box.low[0]!, box.high[0]!].entries())
      expect(Math.abs(actions[k]![0]! - edge)).toBeLessThan(1e-6);
  }
  expect(outside).toEqual([]);
});

it('takes a dimension of one number for what it is', () => {
  scope(() => {
    using scale = new ActionScale('test', new Box([-2, 0.5], [4, 0.5], [2]));
    expect(scale.toBox(Float32Array.of(1, -1))).toEqual(Float32Array.of(4, 0.5));
    expect(scale.toUnit(tensor([[1, 0.5]])).tolist()).toEqual([[0, 0]]);
  });
});

it('wants ends, and says which agents do not', () => {
  expect(() => new ActionScale('sac', new Box(-Infinity, 1, [1]))).toThrow(/needs no bounds, such as ppo/);
  const several = () => new ActionScale('sac', new MultiDiscrete([2, 2]));
  expect(several).toThrow(ConfigError);
  expect(several).toThrow(/a Discrete space that counts the combinations/);
});
