// Every agent with a policy, made by its name: with all kinds of actions, observations and networks; resumed bit for bit with a
// memory, too; and on tasks where nothing but the past tells what to do.
import { describe, expect, it } from 'vitest';
import { checkSettings } from '../../base/index.ts';
import { namedTensors } from '../../nn/index.ts';
import { scope } from '../../torch/index.ts';
import type { Agent } from '../agent.ts';
import { Box, Discrete, type Space } from '../spaces/index.ts';
import {
  abc,
  abcSpaces,
  expectSameAfterResume,
  happenings,
  live,
  smallSpaces,
  stepsToLearn,
} from './policy-agents.testing.ts';
import { policyKinds } from './policy-kinds.ts';

interface Quick {
  /** So that it learns within a few rounds. */
  settings: object;
  /** Where it has recurrent forms: of them. */
  memory?: object;
}

const quick: Readonly<Record<string, Quick>> = {
  ppo: { settings: { updateInterval: 8, minibatchSize: 4, epochs: 2 }, memory: { maxSequenceLength: 3 } },
  reinforce: { settings: { batchSize: 2, timeouts: 'terminal' } },
  trpo: { settings: { updateInterval: 8, valueBatchSize: 4 }, memory: { maxSequenceLength: 3 } },
  a3c: { settings: { maxSteps: 3 }, memory: {} },
  acer: { settings: { maxSteps: 3, replayStart: 6, replayUpdates: 1 }, memory: {} },
  pcl: { settings: { maxSteps: 3, batchSize: 2, replayStart: 6 }, memory: {} },
  a2c: { settings: { updateSteps: 4 }, memory: {} },
};

type Spaces = { observationSpace: Space; actionSpace: Space };

async function maker(name: string, spaces: Spaces, settings: object, numEnvironments = 2): Promise<() => Agent> {
  const kind = await policyKinds.find(([each]) => each === name)![1]();
  const all = checkSettings(name, kind.config, { hidden: [8], ...settings });
  return () => kind.make({ ...spaces, numEnvironments, steps: 1000, seed: 3, device: 'cpu' }, all);
}

it('all are here', () => {
  // PGT learns from replay, and has a test of its own.
  expect([...Object.keys(quick), 'pgt'].sort()).toEqual(policyKinds.map(([name]) => name).sort());
});

describe.each(Object.entries(quick))('%s', (name, { settings, memory }) => {
  it.each<[string, Spaces, object]>([
    ['a softmax', smallSpaces.discrete, {}],
    ['mellowmax', smallSpaces.discrete, { policy: 'mellowmax' }],
    ['one body', smallSpaces.discrete, { sharedBody: true }],
    ['numbers as observations', { ...smallSpaces.discrete, observationSpace: new Discrete(4, 1) }, {}],
    ['a normal distribution', smallSpaces.continuous, {}],
    ['a variance of the state', smallSpaces.continuous, { policy: 'gaussian', boundMean: true }],
    ['a fixed variance', smallSpaces.continuous, { policy: 'gaussian-fixed', logStd: -1 }],
    ['normalized observations', smallSpaces.continuous, { normalizeObservations: true }],
  ])('acts and learns with %s', async (_, spaces, changes) => {
    // These have no such setting.
    if ('sharedBody' in changes && (name === 'trpo' || name === 'reinforce')) return;
    const make = await maker(name, spaces, { ...settings, ...changes });
    scope(() => {
      using agent = make();
      const outcomes = happenings(2, 11);
      const counted = spaces.observationSpace instanceof Discrete;
      const numbered = (function* () {
        for (const round of outcomes)
          yield counted ? round.map((each, i) => ({ ...each, next: 1 + ((i + agent.act.length) % 4) })) : round;
      })();
      const { actions } = live(agent, numbered, numbered.next().value!, 12);
      expect((agent as { updates?: number }).updates).toBeGreaterThan(0);
      for (const action of actions.slice(0, 4))
        expect(spaces.actionSpace.contains(typeof action === 'number' ? action : Float32Array.from(action))).toBe(true);
    });
  });

  it('goes on bit for bit after a resume', async () => {
    const make = await maker(name, smallSpaces.continuous, { ...settings, normalizeObservations: true });
    expectSameAfterResume(make, 2, 7, 12);
  });

  it('refuses a policy that does not fit the actions', async () => {
    const make = await maker(name, smallSpaces.continuous, { ...settings, policy: 'softmax' });
    expect(make).toThrow(/"softmax" policy does not draw from Box/);
  });

  if (memory)
    it('remembers: goes on bit for bit after a resume', async () => {
      for (const core of ['lstm', 'rnn-tanh']) {
        const changes = { ...settings, ...memory, memory: core, memorySize: 4 };
        expectSameAfterResume(await maker(name, smallSpaces.discrete, changes), 2, 7, 12);
      }
    });
});

it('policyGain is the factor of the first weights of the policy, whatever they are', async () => {
  const weightsOf = async (changes: object) => {
    const make = await maker('ppo', smallSpaces.discrete, { weightInit: 'lecun-normal', ...changes });
    return scope(() => {
      using agent = make();
      return Object.fromEntries(
        [...namedTensors(agent.networks['model']!)].map(([path, tensor]) => [
          path,
          tensor.flatten().tolist() as number[],
        ]),
      );
    });
  };
  const [plain, small] = [await weightsOf({ policyGain: 1 }), await weightsOf({ policyGain: 0.25 })];
  for (const [path, weights] of Object.entries(plain)) {
    const factor = path.startsWith('policy') ? 0.25 : 1;
    expect(small[path], path).toEqual(weights.map((weight) => weight * factor));
  }
  expect(small).not.toEqual(plain);
});

it('a memory tells by how much observations of ABC are shifted', async () => {
  const options = { partiallyObservable: true };
  const settings = {
    memory: 'rnn-tanh',
    memorySize: 16,
    updateInterval: 64,
    minibatchSize: 32,
    epochs: 4,
    learningRate: 1e-2,
  };
  const make = await maker('ppo', abcSpaces(options), settings);
  scope(() => {
    using agent = make();
    expect(stepsToLearn(agent, () => abc(options), { environments: 2, episodes: 6 })).toBeLessThan(Infinity);
  });
});

it('pixels of one byte go through the convolutions', async () => {
  const spaces = { observationSpace: new Box(0, 255, [1, 36, 36], 'uint8'), actionSpace: new Discrete(2) };
  const make = await maker('ppo', spaces, { sharedBody: true, updateInterval: 4, minibatchSize: 4, epochs: 1 }, 1);
  scope(() => {
    using agent = make();
    for (let step = 0; step < 4; step++) {
      agent.act([new Uint8Array(36 * 36).fill(step)]);
      agent.observe([{ reward: 1, next: new Uint8Array(36 * 36), terminated: false, truncated: step === 1 }]);
    }
    expect((agent as { updates?: number }).updates).toBe(1);
  });
});
