// Every agent of the registry in spaces of every kind: it acts in them, or says in a sentence why it does not.
import { expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import type { Observation } from '../environment.ts';
import { Box, Discrete, MultiDiscrete, type Space } from '../spaces/index.ts';
import { agentKind, agentNames } from './registry.ts';

const observations: Readonly<Record<string, [Space, Observation]>> = {
  'counted from −2': [new Discrete(3, -2), -1],
  'one number': [new Box(-1, 1, []), Float32Array.of(0.5)],
  bytes: [new Box(0, 255, [4], 'uint8'), Uint8Array.of(0, 1, 2, 255)],
  'float64 without bounds': [new Box(-Infinity, Infinity, [2], 'float64'), Float64Array.of(0.5, 1)],
  'several numbers': [new MultiDiscrete([3, 4]), Float32Array.of(2, 3)],
};
const actions: Readonly<Record<string, Space>> = {
  'counted from 5': new Discrete(3, 5),
  bounded: new Box([-2, 0.1], [2, 0.3], [2], 'float64'),
  unbounded: new Box(-Infinity, Infinity, [1]),
  'of one number': new Box([-1, 0.5], [1, 0.5], [2]),
  'several at once': new MultiDiscrete([2, 3]),
};
const small: Readonly<Record<string, unknown>> = {
  ...{ hidden: [4], replayStart: 2, batchSize: 2, capacity: 40, updateInterval: 2, updateSteps: 2 },
  ...{ minibatchSize: 2, epochs: 1, rolloutLength: 2, targetUpdateInterval: 2, epsilonSteps: 2 },
};

it.each(agentNames())('%s', async (name) => {
  const { config, make } = await agentKind(name);
  const settings = config.parse(Object.fromEntries(Object.entries(small).filter(([key]) => key in config.shape)));
  let acted = 0;
  const refused = new Set<string>();
  for (const [action, actionSpace] of Object.entries(actions))
    for (const [observationSpace, observation] of Object.values(observations)) {
      const place = { observationSpace, actionSpace, numEnvironments: 1, steps: 100, seed: 0, device: 'cpu' } as const;
      try {
        using agent = make(place, settings);
        for (let step = 0; step < 6; step++) {
          const [chosen] = agent.act([observation]);
          expect(actionSpace.contains(chosen), `${name}: ${chosen} of ${actionSpace}`).toBe(true);
          agent.observe([{ reward: 1, next: observation, terminated: step === 3, truncated: false }]);
        }
        acted++;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        refused.add(action);
      }
    }
  expect(acted).toBeGreaterThanOrEqual(5);
  expect(refused).toContain('several at once');
});
