// How actions leave an agent: rows of what was drawn as actions of the space, and boxes as [−1, 1] and back.
import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../../torch/index.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { ActionOutput } from './action-output.ts';
import { ActionScale } from './action-scale.ts';

describe('ActionOutput', () => {
  it('clips each number of each action by the bounds of its own', () => {
    const output = new ActionOutput(new Box([-1, 0], [1, 10], [2]));
    const rows = Float32Array.of(-3, -3, 0.5, 5, 3, 30);
    expect(output.actions(rows).map((action) => [...(action as Float32Array)])).toEqual([
      [-1, 0],
      [0.5, 5],
      [1, 10],
    ]);
  });

  it('counts from where the space does', () => {
    const output = new ActionOutput(new Discrete(3, 5));
    scope(() => {
      const rows = output.fromSample(tensor([0n, 2n], { dtype: 'int64' }));
      expect(output.actions(rows)).toEqual([5, 7]);
      expect(output.tensor(rows, [2]).tolist()).toEqual([0, 2]);
    });
  });
});

it('ActionScale leads from a box to [−1, 1] and back, dimension by dimension', () => {
  scope(() => {
    using scale = new ActionScale('DDPG', new Box([-3, 0], [-1, 10], [2]));
    const points = [
      [-3, 10],
      [-2, 5],
      [-1, 2.5],
    ];
    const units = [
      [-1, 1],
      [0, 0],
      [1, -0.5],
    ];
    expect(scale.toUnit(tensor(points)).tolist()).toEqual(units);
    expect(units.map((unit) => [...scale.toBox(Float32Array.from(unit))])).toEqual(points);
  });
});
