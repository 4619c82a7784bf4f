// DDPG with a memory: losses and gradients against plain numbers for networks of one cell, resume bit for bit, and learning where only
// the past tells what to do.
import { expect, it } from 'vitest';
import { checkSettings, RandomStream } from '../../base/index.ts';
import { constant, namedTensors, zerosInit } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { backward, noGrad, type Rng, scope } from '../../torch/index.ts';
import type { Agent } from '../agent.ts';
import { Greedy } from '../explorers/index.ts';
import { DeterministicHead, MLP, makeCore, RecurrentCritic, RecurrentPolicy } from '../networks/index.ts';
import { EpisodicReplayBuffer } from '../replay/index.ts';
import { Box } from '../spaces/index.ts';
import { ddpg } from './ddpg-config.ts';
import { abc, abcSpaces, expectSameAfterResume, smallSpaces, stepsToLearn } from './policy-agents.testing.ts';
import { RecurrentDDPG } from './recurrent-ddpg.ts';

const spaces = { observationSpace: new Box(-10, 10, [1]), actionSpace: new Box(-2, 2, [1]) };
const cell = (inputs: number, rng: Rng, input: number, hidden: number) => {
  const core = makeCore('rnn-tanh', inputs, 1, rng);
  const named = new Map(namedTensors(core));
  noGrad(() => {
    named.get('weight_ih_l0')!.fill_(input);
    named.get('weight_hh_l0')!.fill_(hidden);
  });
  return core;
};
const [w, u] = [0.7, -0.4];
const policy = (rng: Rng) =>
  new RecurrentPolicy(
    new MLP(1, [], { rng }),
    cell(1, rng, w, u),
    new DeterministicHead(1, 1, { rng, weightInit: constant(0.9), biasInit: zerosInit(), bound: new Box(-1, 1, [1]) }),
  );
const critic = (rng: Rng) =>
  new RecurrentCritic({ body: new MLP(2, [], { rng }), core: cell(2, rng, 0.5, 0.3), rng, weightInit: constant(1.5) });

/** What the policy does at each observation. */
function acted(observations: readonly number[], input = w): number[] {
  let h = 0;
  return observations.map((s) => {
    h = Math.tanh(input * s + u * h);
    return Math.tanh(0.9 * h);
  });
}
const memoryAfter = (h: number, s: number, a: number) => Math.tanh(0.5 * (s + a) + 0.3 * h);
/** What the critic remembers before each step, and after the last. */
function remembered(observations: readonly number[], actions: readonly number[]): number[] {
  const all = [0];
  actions.forEach((a, t) => void all.push(memoryAfter(all[t]!, observations[t]!, a)));
  return all;
}
const judged = (h: number, s: number, a: number) => 1.5 * memoryAfter(h, s, a);

const episodes = [
  { s: [1, -0.5, 2, 0.3], a: [0.5, -1, 0.25], r: [1, 0, -2], terminated: true },
  { s: [-1, 0.8, 0.4], a: [-0.75, 0.1], r: [0.5, 3], terminated: false },
];

/** 1/T Σ_t mean over the episodes with a step t. */
function meanOf(each: (episode: number, t: number) => number): number {
  let sum = 0;
  for (let t = 0; t < 3; t++) {
    const there = episodes.flatMap(({ a }, e) => (t < a.length ? [e] : []));
    sum += there.reduce((total, e) => total + each(e, t), 0) / there.length / 3;
  }
  return sum;
}
const policyLossAt = (input: number) =>
  -meanOf((e, t) => {
    const { s, a } = episodes[e]!;
    return judged(remembered(s, a)[t]!, s[t]!, acted(s, input)[t]!);
  });

function made(others: object = {}): RecurrentDDPG {
  const replay = new EpisodicReplayBuffer({ capacity: 50, ...spaces, rng: new RandomStream(1) });
  for (const { s, a, r, terminated } of episodes)
    a.forEach((action, t) => {
      const isLast = t === a.length - 1;
      const outcome = {
        next: Float32Array.of(s[t + 1]!),
        terminated: isLast && terminated,
        truncated: isLast && !terminated,
      };
      replay.add(0, Float32Array.of(s[t]!), Float32Array.of(2 * action), { reward: r[t]!, ...outcome });
    });
  return new RecurrentDDPG({
    ...spaces,
    seed: 1,
    gamma: 0.9,
    softUpdate: 0.25,
    replay,
    replayStart: 2,
    batchSize: 2,
    updateInterval: 1,
    updatesPerInterval: 1,
    targetUpdateInterval: 1,
    explorer: new Greedy(),
    policy,
    critic,
    optimizer: (network) => new SGD(network, { lr: 0.1 }),
    episodicLength: null,
    ...others,
  });
}

it('is the mean over steps of one-step errors, with what the critic remembers of what was done', () => {
  scope(() => {
    using agent = made();
    // The targets are other networks from here on.
    noGrad(() => agent.critic.value.bias!.fill_(0.2));
    const sample = agent.stretches(agent.replay.sampleEpisodes(2));
    expect(sample.actions.shape).toEqual([3, 2, 1]);
    const { loss } = agent.criticLoss(sample);
    const expected = meanOf((e, t) => {
      const { s, a, r, terminated } = episodes[e]!;
      const h = remembered(s, a);
      const goesOn = terminated && t === a.length - 1 ? 0 : 0.9;
      const y = r[t]! + goesOn * judged(h[t + 1]!, s[t + 1]!, acted(s)[t + 1]!);
      return (judged(h[t]!, s[t]!, a[t]!) + 0.2 - y) ** 2;
    });
    expect(loss.item()).toBeCloseTo(expected, 5);
    backward(loss);
    expect(agent.policy.head.linear.weight.grad).toBeUndefined();
    expect(agent.targetCritic.network.value.weight.grad).toBeUndefined();
    expect(agent.critic.value.weight.grad!.item()).not.toBe(0);
  });
});

it('moves its policy towards larger values, through its own memory', () => {
  scope(() => {
    using agent = made();
    const loss = agent.policyLoss(agent.stretches(agent.replay.sampleEpisodes(2)));
    expect(loss.item()).toBeCloseTo(policyLossAt(w), 5);
    backward(loss);
    const slope = (policyLossAt(w + 1e-5) - policyLossAt(w - 1e-5)) / 2e-5;
    const gradient = new Map(namedTensors(agent.policy)).get('core.weight_ih_l0')!.grad!;
    expect(gradient.item()).toBeCloseTo(slope, 5);
  });
});

it('acts by what it saw in the episode, also where actions were drawn', () => {
  scope(() => {
    using agent = made();
    const seen = [1, -0.5, 0.3];
    const right = acted(seen);
    using actor = agent.actor();
    const found = seen.map((s) => (actor.act([Float32Array.of(s)])[0] as Float32Array)[0]! / 2);
    found.forEach((a, t) => void expect(a).toBeCloseTo(right[t]!, 5));
    actor.reset(0);
    expect((actor.act([Float32Array.of(1)])[0] as Float32Array)[0]! / 2).toBeCloseTo(right[0]!, 5);
    // Training: the first action is drawn, the second the policy's after one update.
    const before = [1, -0.5].map((s) => {
      const [action] = agent.act([Float32Array.of(s)]) as Float32Array[];
      agent.observe([{ reward: 0, next: Float32Array.of(-0.5), terminated: false, truncated: false }]);
      return action![0]! / 2;
    });
    expect(before[0]).not.toBeCloseTo(right[0]!, 3);
    expect(agent.updates).toBe(2);
  });
});

const quick = { hidden: [8], memory: 'lstm', memorySize: 4, replayStart: 8, batchSize: 2, noise: 0.3 };
const make = (settings: object, place: object = smallSpaces.continuous, numEnvironments = 2): Agent =>
  ddpg.make(
    { ...(place as typeof smallSpaces.continuous), numEnvironments, steps: 1000, seed: 3, device: 'cpu' },
    checkSettings('ddpg', ddpg.config, settings),
  );

it.each([{}, { episodicLength: 2, explorer: 'ou' }])('goes on bit for bit after a resume: %o', (changes) => {
  expectSameAfterResume(() => make({ ...quick, ...changes }), 2, 17, 12);
});

it('refuses windows of several steps', () => {
  expect(() => make({ ...quick, steps: 3 })).toThrow(/learn from episodes, step by step/);
});

it('a memory tells by how much observations of ABC are shifted', () => {
  const options = { discrete: false, partiallyObservable: true };
  const settings = {
    hidden: [16],
    memory: 'rnn-tanh',
    memorySize: 16,
    learningRate: 2e-3,
    replayStart: 400,
    batchSize: 32,
    updateInterval: 2,
    softUpdate: 0.1,
    noise: 0.4,
  };
  scope(() => {
    using agent = make(settings, abcSpaces(options), 1);
    const steps = stepsToLearn(agent, () => abc(options), { episodes: 6, every: 100, steps: 2000 });
    expect(steps).toBeLessThan(Infinity);
  });
});
