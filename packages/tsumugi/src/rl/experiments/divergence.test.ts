// What is taken for divergence, and what is not.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import { registerEnvironment } from '../registry.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { FiniteStatistics } from './divergence.ts';
import { silent, type TinyRuns, tinyRuns } from './experiments.testing.ts';
import { trainAgent } from './index.ts';

let runs: TinyRuns;
beforeAll(() => {
  runs = tinyRuns();
});
afterAll(() => runs[Symbol.dispose]());

/** One step an episode; one of the two arms gives 1. */
registerEnvironment('TwoArms-v0', {
  make: () =>
    ({
      id: 'TwoArms-v0',
      observationSpace: new Box(0, 1, [1]),
      actionSpace: new Discrete(2),
      reset: () => ({ observation: Float32Array.of(1), info: {} }),
      step: (action: number) => ({
        ...{ observation: Float32Array.of(1), reward: action, terminated: true, truncated: false, info: {} },
      }),
      [Symbol.dispose]() {},
    }) as unknown as Environment,
});

it('a policy that always gets the same return has learned, and not diverged', async () => {
  const agentSettings = { hidden: [4], updateInterval: 32, minibatchSize: 32, epochs: 4, learningRate: 0.05 };
  const settings = { environment: 'TwoArms-v0', agent: 'ppo', steps: 320, logEvery: 32, checkpointEvery: 160 };
  const config = runs.config('arms', {
    ...settings,
    agentSettings: { ...agentSettings, entropyCoefficient: 0 },
    evaluation: { interval: 0, episodes: 2 },
  });
  const { evaluation } = await trainAgent(config, { stream: silent });
  expect(evaluation!.mean).toBe(1);
});

it('a loss that is no number any more is divergence', () => {
  const finite = new FiniteStatistics();
  finite.check({ loss: Number.NaN, explained_variance: 0.5 }, 1, 0); // before the first update
  finite.check({ loss: 1, explained_variance: Number.NaN }, 2, 0);
  expect(() => finite.check({ loss: Number.NaN }, 3, 2)).toThrow(UserError);
});
