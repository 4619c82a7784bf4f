// Agents with a policy, and n-step Q-learning, on CartPole and Pendulum: with each of three seeds a mean return over twenty episodes of at least `goal`, at some
// time within the steps. A random policy has about 22 on CartPole, −1200 on Pendulum; CartPole-v1 counts as solved at 475, v0 at 195.
// Settings are our choice, but for PCL's and ACER's, which are those of ChainerRL's examples for CartPole-v0.
import { expect, it } from 'vitest';
import { deriveSeed } from '../../../packages/tsumugi/src/base/index.ts';
import { type Agent, agentKind, type Environment, makeEnvironment } from '../../../packages/tsumugi/src/rl/index.ts';
import { scope } from '../../../packages/tsumugi/src/torch/index.ts';

interface Case {
  agent: string;
  environment: string;
  goal: number;
  settings: Readonly<Record<string, unknown>>;
  /** 1 when left out. */
  environments?: number;
  /** Of all environments together. */
  steps: number;
  /** Factor of rewards in training. */
  scale?: number;
}

const cartPole = { environment: 'CartPole-v1', goal: 475 };
const pendulum = { environment: 'Pendulum-v1', goal: -250, scale: 0.1, environments: 4, steps: 300_000 };
const adam = { optimizer: 'adam', optimizerEps: 1e-5, maxGradNorm: 0.5 };

const cases: Case[] = [
  {
    ...cartPole,
    agent: 'ppo',
    environments: 4,
    steps: 100_000,
    settings: { updateInterval: 512, learningRate: 1e-3, gamma: 0.98, entropyCoefficient: 0 },
  },
  {
    ...cartPole,
    agent: 'trpo',
    environments: 4,
    steps: 100_000,
    settings: { updateInterval: 1000, gamma: 0.98, entropyCoefficient: 0, valueEpochs: 5 },
  },
  {
    ...cartPole,
    agent: 'a2c',
    environments: 8,
    steps: 200_000,
    settings: { ...adam, updateSteps: 16, lambda: 0.95, learningRate: 1e-3 },
  },
  {
    ...cartPole,
    agent: 'a3c',
    steps: 200_000,
    settings: { ...adam, maxSteps: 50, scale: 'mean', learningRate: 7e-4 },
  },
  { ...cartPole, agent: 'reinforce', steps: 300_000, scale: 0.01, settings: { timeouts: 'terminal' } },
  {
    agent: 'acer',
    environment: 'CartPole-v0',
    goal: 195,
    steps: 150_000,
    settings: {
      hidden: [200, 200],
      maxSteps: 50,
      replayUpdates: 4,
      capacity: 5000,
      replayStart: 1000,
      truncation: 5,
      trustRegion: 0.1,
    },
  },
  {
    // Sixteen at a time, as many as the paper has threads: what one environment gives in a row is too much alike.
    ...cartPole,
    agent: 'nsq',
    environments: 16,
    steps: 200_000,
    settings: {
      hidden: [64, 64],
      optimizer: 'adam',
      learningRate: 1e-3,
      optimizerEps: 1e-8,
      gamma: 0.98,
      targetUpdateInterval: 1000,
      epsilonEnd: 0.05,
      epsilonSteps: 20_000,
    },
  },
  { agent: 'pcl', environment: 'CartPole-v0', goal: 195, steps: 200_000, settings: { hidden: [200, 200] } },
  {
    ...pendulum,
    agent: 'ppo',
    settings: { learningRate: 1e-3, gamma: 0.9, entropyCoefficient: 0, normalizeObservations: true },
  },
  {
    ...pendulum,
    agent: 'trpo',
    settings: { gamma: 0.9, entropyCoefficient: 0, valueEpochs: 10, normalizeObservations: true },
  },
];

function meanReturn(agent: Agent, environment: Environment): number {
  using actor = agent.actor({ seed: 1 });
  let total = 0;
  for (let episode = 0; episode < 20; episode++) {
    actor.reset(0);
    let { observation } = environment.reset({ seed: 1000 + episode });
    for (let ended = false; !ended; ) {
      const result = environment.step(actor.act([observation])[0]!);
      total += result.reward;
      observation = result.observation;
      ended = result.terminated || result.truncated;
    }
  }
  return total / 20;
}

/** Evaluates every 2000 steps, until it is enough. */
async function train({ scale = 1, ...run }: Case, seed: number): Promise<{ best: number; step: number }> {
  const numEnvironments = run.environments ?? 1;
  const all: Environment[] = [];
  for (let i = 0; i < numEnvironments; i++) all.push(await makeEnvironment(run.environment));
  using test = await makeEnvironment(run.environment);
  const { observationSpace, actionSpace } = test;
  const kind = await agentKind(run.agent);
  const place = { observationSpace, actionSpace, numEnvironments, steps: run.steps, seed, device: 'cpu' as const };
  using agent = kind.make(place, kind.config.parse(run.settings));
  let observations = all.map((each, i) => each.reset({ seed: deriveSeed(seed, 'environment', i) }).observation);
  let best = -Infinity;
  for (let step = numEnvironments; step <= run.steps; step += numEnvironments) {
    const actions = agent.act(observations);
    const outcomes = all.map((environment, i) => {
      const { observation: next, reward, terminated, truncated } = environment.step(actions[i]!);
      return { reward: scale * reward, next, terminated, truncated };
    });
    agent.observe(outcomes);
    observations = outcomes.map(({ next, terminated, truncated }, i) =>
      terminated || truncated ? all[i]!.reset().observation : next,
    );
    if (Math.floor(step / 2000) === Math.floor((step - numEnvironments) / 2000)) continue;
    const found = scope(() => meanReturn(agent, test));
    best = Math.max(best, found);
    if (found >= run.goal) return { best, step };
  }
  return { best, step: run.steps };
}

for (const each of cases)
  it(`${each.agent} learns ${each.environment} with seeds 0, 1 and 2`, async () => {
    const found = [];
    for (const seed of [0, 1, 2]) found.push(await train(each, seed));
    console.log(
      each.agent,
      each.environment,
      found.map(({ best, step }) => `${best.toFixed(1)} at ${step}`).join(', '),
    );
    for (const { best } of found) expect(best).toBeGreaterThanOrEqual(each.goal);
  });
