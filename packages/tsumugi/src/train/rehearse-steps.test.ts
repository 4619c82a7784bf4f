// Steps are rehearsed once for each shape: two phases that differ in row, batch or recomputation never share a rate.
import { expect, it, vi } from 'vitest';
import { preset } from '../lm/index.ts';
import { type StepShape, trainingFlops } from './flops.ts';
import { rehearseSteps } from './forecast.ts';

const rehearsed = vi.hoisted(() => [] as StepShape[]);
vi.mock('./rate.ts', () => ({
  rehearseRate: (_: unknown, { sequenceLength, batchSize, activationCheckpointing }: StepShape) => {
    rehearsed.push({ sequenceLength, batchSize, activationCheckpointing });
    return 10 ** rehearsed.length;
  },
}));

it('takes the work of each phase at the rate of its own shape', () => {
  const config = preset('mini');
  const shape = { sequenceLength: 64, batchSize: 2, gradientAccumulation: 1, activationCheckpointing: false };
  const phases = [shape, { ...shape, sequenceLength: 128 }, { ...shape, batchSize: 4 }, { ...shape, activationCheckpointing: true }, { ...shape, gradientAccumulation: 3 }]; // biome-ignore format: a list
  const seconds = rehearseSteps(config, phases);
  expect(rehearsed).toHaveLength(4); // accumulating repeats a shape that is known
  const rates = [1e1, 1e2, 1e3, 1e4, 1e1];
  for (const [i, phase] of phases.entries()) expect(seconds[i]).toBe(trainingFlops(config, phase) / rates[i]!);
});
