// Every agent of DQN's family by its name: it learns ABC, and goes on from its state bit for bit.
import { describe, expect, it } from 'vitest';
import { CheckpointError, ConfigError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { scope } from '../../torch/index.ts';
import { Abc, type AbcOptions } from '../environments/abc/abc.ts';
import { copyState, makeAgent, placeOf, stateBytes, stepsToLearnAbc, Training } from './agents.testing.ts';
import type { NSQ } from './nsq.ts';
import { agentKind } from './registry.ts';

const small = {
  hidden: [20],
  learningRate: 1e-2,
  capacity: 2000,
  replayStart: 50,
  targetUpdateInterval: 20,
  updateInterval: 2,
  epsilonEnd: 0.5,
  epsilonSteps: 500,
};
const returns = { atoms: 11, atomMin: -0.5, atomMax: 1.5 };
const few = { quantiles: 8, targetQuantiles: 8, actingQuantiles: 8, cosines: 8 };
const memory = { memory: 'rnn-tanh', memorySize: 10, batchSize: 8, updateInterval: 4 };
const hidden = { partiallyObservable: true } as const;

/** Of NSQ, which has no replay. */
const onPolicy = {
  hidden: [20],
  optimizer: 'adam',
  learningRate: 1e-2,
  optimizerEps: 1e-8,
  targetUpdateInterval: 20,
  epsilonEnd: 0.5,
  epsilonSteps: 500,
};

const make = async (name: string, abc: AbcOptions, settings: object, environments = 1, seed = 0) =>
  makeAgent(await agentKind(name), placeOf(new Abc(abc), { seed, numEnvironments: environments }), {
    ...(name === 'nsq' ? onPolicy : small),
    ...settings,
  });

const three = { size: 3 } as const;

const cases: [name: string, settings: object, abc: AbcOptions, environments?: number][] = [
  ['dqn', {}, three],
  ['dqn', { softUpdate: 0.1, targetUpdateInterval: 1, accumulator: 'sum', learningRate: 1e-3 }, three],
  ['dqn', { dueling: true, duelingHidden: 20 }, three],
  ['dqn', { steps: 3 }, three],
  ['dqn', {}, three, 4],
  ['dqn', memory, hidden],
  ['double-dqn', { prioritized: true, betaSteps: 500 }, three],
  ['double-dqn', { ...memory, memory: 'lstm', episodicLength: 1 }, three],
  ['residual-dqn', {}, three],
  ['al', {}, three],
  ['pal', {}, three],
  ['double-pal', {}, three],
  ['dpp', { eta: 5 }, three],
  ['dppl', { eta: 5 }, three],
  ['dpp-greedy', {}, three],
  ['sarsa', { epsilonStart: 0.3, epsilonEnd: 0.1 }, three],
  ['categorical-dqn', returns, three],
  ['categorical-double-dqn', { ...returns, ...memory, memory: 'gru' }, hidden],
  ['rainbow', { ...returns, duelingHidden: 32, updateInterval: 2, betaSteps: 500, optimizerEps: 1e-8 }, three],
  ['iqn', few, three],
  ['double-iqn', { ...few, prioritized: true }, three],
  ['iqn', { ...few, ...memory }, hidden],
  ['nsq', {}, three],
  ['nsq', { rolloutSteps: 2 }, three, 3],
  ['nsq', { memory: 'lstm', memorySize: 10 }, hidden],
  ['naf', { explorer: 'gaussian', noise: 0.3 }, { size: 2, discrete: false, deterministic: true }],
]; // biome-ignore format: a table

describe.each(cases)('%s with %j on %j', (name, settings, abc, environments = 1) => {
  it('learns ABC', async () => {
    using agent = await make(name, abc, settings, environments);
    expect(stepsToLearnAbc(agent, abc, 5000, environments)).toBeLessThan(Infinity);
  });

  it('goes on from its state bit for bit', async () => {
    using agent = await make(name, abc, settings, environments);
    using restored = await make(name, abc, settings, environments, 1);
    scope(() => {
      const worlds = Array.from({ length: environments }, () => new Abc(abc));
      const training = new Training(worlds, 3, 20);
      for (let step = 0; step < 90; step++) training.step(agent);
      const copy = copyState(agent.state());
      restored.loadState(copy);
      expect(stateBytes(restored.state())).toEqual(stateBytes(copy));
      const observations = worlds.map((world) => world.reset().observation);
      for (let i = 0; i < environments; i++) for (const each of [agent, restored]) each.abandon(i);
      // Both see the same from here: what they do shows whether they are the same.
      for (let step = 0; step < 12; step++) {
        const actions = agent.act(observations);
        expect(restored.act(observations)).toEqual(actions);
        const outcomes = observations.map((next) => ({
          reward: step % 2,
          next,
          terminated: step % 5 === 4,
          truncated: false,
        }));
        agent.observe(outcomes);
        restored.observe(outcomes);
      }
      expect(stateBytes(restored.state())).toEqual(stateBytes(agent.state()));
    });
  });
});

it('nsq brings the learning rate down in a line to 0 at the last step', async () => {
  const kind = await agentKind('nsq');
  using agent = makeAgent(kind, placeOf(new Abc(), { steps: 21 }), {
    ...onPolicy,
    decayLearningRate: true,
    rolloutSteps: 5,
  });
  scope(() => {
    const rates: number[] = [];
    for (let step = 1; step <= 25; step++) {
      const [next] = agent.act([Float32Array.of(1, 0, 0, 0)]).map(() => Float32Array.of(0, 1, 0, 0));
      agent.observe([{ reward: 0, next: next!, terminated: false, truncated: false }]);
      if (step % 5 === 0) rates.push((agent as NSQ).optimizer.lr! / onPolicy.learningRate);
    }
    [17, 12, 7, 2, 0].forEach((left, i) => void expect(rates[i]).toBeCloseTo(left / 20, 12));
  });
});

it('nsq draws its last ε by the seed', async () => {
  const kind = await agentKind('nsq');
  const observations = [Float32Array.of(1, 0, 0, 0, 0)];
  const shares = Array.from({ length: 12 }, (_, seed) => {
    using agent = makeAgent(kind, placeOf(new Abc({ size: 3 }), { seed }), {
      ...onPolicy,
      epsilonSteps: 1,
      epsilonEnd: 'drawn',
    });
    return scope(() => {
      using actor = agent.actor();
      (agent as NSQ).steps = 1;
      const [greedy] = actor.act(observations);
      let others = 0;
      for (let i = 0; i < 300; i++) if (agent.act(observations)[0] !== greedy) others++;
      return (others / 300) * 1.5; // one of three actions is the greedy one
    });
  });
  // 0.5, 0.1 and 0.01, and nothing else.
  expect(shares.filter((share) => share > 0.35 && share < 0.65).length).toBeGreaterThan(0);
  expect(shares.filter((share) => share > 0.05 && share < 0.17).length).toBeGreaterThan(0);
  expect(shares.filter((share) => share < 0.04).length).toBeGreaterThan(0);
  expect(shares.filter((share) => share >= 0.17 && share <= 0.35)).toEqual([]);
});

it('refuses the state of another agent', async () => {
  using dqn = await make('dqn', {}, {});
  using iqn = await make('iqn', {}, few);
  scope(() => {
    const error = thrown(CheckpointError, () => iqn.loadState(dqn.state()));
    expect(error.message).toMatch(/of kind DQN, this one is IQN/);
  });
});

it.each([
  ['dqn', { discrete: false }, {}, /chooses among discrete actions/],
  ['naf', {}, {}, /takes continuous actions/],
  ['dqn', {}, { explorer: 'ou' }, /does not explore Discrete/],
  ['dqn', {}, { memory: 'lstm', steps: 3 }, /learns from episodes/],
  ['dqn', {}, { network: 'nature' }, /takes frames/],
] as const)('refuses %s on %j with %j', async (name, abc, settings, message) => {
  await expect(make(name, abc, settings)).rejects.toThrow(message);
  await expect(make(name, abc, settings)).rejects.toThrow(ConfigError);
});
