// DQN's family beside the same algorithms in plain PyTorch (twin.py): one update of both makes the same weights, and over ten runs
// each the returns in training are alike. Settings are those with which DQN is unsteady on CartPole: so is the twin.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { namedTensors } from '../../../packages/tsumugi/src/nn/index.ts';
import { evaluate, makeAgent, placeOf, Training } from '../../../packages/tsumugi/src/rl/agents/agents.testing.ts';
import { agentKind, type DQN, makeEnvironment, type ReplayBuffer } from '../../../packages/tsumugi/src/rl/index.ts';
import { scope, type Tensor } from '../../../packages/tsumugi/src/torch/index.ts';
import { requires } from '../../requires.testing.ts';

const python = process.env['BENCH_PYTHON'] || '/usr/bin/python3';
const hasTorch = spawnSync(python, ['-c', 'import torch, numpy']).status === 0;

function ask<Answer>(request: object): Answer {
  const twin = spawnSync(python, [join(import.meta.dirname, 'twin.py')], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (twin.status !== 0) throw new Error(twin.stderr);
  return JSON.parse(twin.stdout) as Answer;
}

const settings = {
  hidden: [64, 64],
  learningRate: 1e-3,
  capacity: 50_000,
  replayStart: 1000,
  targetUpdateInterval: 200,
  updateInterval: 2,
  batchSize: 64,
  epsilonEnd: 0.05,
  epsilonSteps: 5000,
};

const rollouts = {
  hidden: [64, 64],
  optimizer: 'adam',
  learningRate: 1e-3,
  optimizerEps: 1e-8,
  targetUpdateInterval: 200,
  epsilonEnd: 0.05,
  epsilonSteps: 5000,
};

/** Layers as the twin has them: weights [inputs, outputs] and biases [1, outputs], one after the other. */
const layersOf = (tensors: Iterable<readonly [string, Tensor]>): number[][][] =>
  scope(() => [...tensors].map(([, each]) => (each.ndim === 2 ? each.t() : each.unsqueeze(0)).tolist() as number[][]));

/** An agent's weights, what its next update learns from, and the weights after it. */
async function oneUpdate(name: string, given: object) {
  using world = await makeEnvironment('CartPole-v1');
  using agent = makeAgent(await agentKind(name), placeOf(world), { ...settings, ...given }) as DQN;
  const training = new Training([world], 0);
  // A good while after the target network was copied.
  for (let step = 0; step < 1581; step++) training.step(agent);
  const parts = () => {
    const { tensors, steps } = agent.optimizer.state();
    const paths = [...namedTensors(agent.network)].map(([path]) => path);
    const moments = (kind: string) => layersOf(paths.map((path) => [path, tensors[`${kind}.${path}`]!] as const));
    return {
      network: layersOf(namedTensors(agent.network)),
      target: layersOf(namedTensors(agent.target.network)),
      m: moments('exp_avg'),
      v: moments('exp_avg_sq'),
      step: steps[paths[0]!]!,
    };
  };
  const before = parts();
  const replay = agent.replay as ReplayBuffer;
  const sample = replay.sample.bind(replay);
  let batch: object | undefined;
  replay.sample = (size, gamma) => {
    const { observations, nexts, actions, rewards, terminated, ...rest } = sample(size, gamma);
    const rows = (flat: ArrayLike<number>) =>
      Array.from({ length: size }, (_, i) => Array.from(flat).slice(4 * i, 4 * i + 4));
    batch = {
      observations: rows(observations),
      nexts: rows(nexts),
      actions: [...actions],
      rewards: [...rewards],
      terminated: [...terminated],
    };
    return { observations, nexts, actions, rewards, terminated, ...rest };
  };
  training.step(agent);
  return { before, batch, after: parts().network };
}

describe('beside PyTorch', requires(hasTorch, `${python} with torch and numpy (BENCH_PYTHON)`), () => {
  it.each([
    ['dqn', {}],
    ['dqn', { maxGradNorm: 0.01, gamma: 0.9 }],
    ['dqn', { clipDelta: false }],
    ['double-dqn', {}],
    ['al', {}],
    ['pal', { advantageWeight: 0.7 }],
    ['double-pal', {}],
    ['dpp', { eta: 0.5 }],
    ['dppl', { eta: 0.5 }],
    ['dpp-greedy', {}],
  ])('an update of %s with %j makes the same weights', async (agent, given) => {
    const { before, batch, after } = await oneUpdate(agent, given);
    const twin = ask<number[][][]>({ what: 'update', agent, settings: { ...settings, ...given }, ...before, batch });
    const flat = (layers: number[][][]) => layers.flat(2);
    const moved = flat(after).map((value, i) => Math.abs(value - flat(before.network)[i]!));
    expect(Math.max(...moved)).toBeGreaterThan(1e-4);
    expect(Math.max(...flat(after).map((value, i) => Math.abs(value - flat(twin)[i]!)))).toBeLessThan(1e-6);
  });

  it.each([
    ['dqn', settings, 40_000],
    ['al', settings, 40_000],
    ['pal', settings, 40_000],
    ['nsq', rollouts, 20_000],
  ] as const)('%s has returns like those of its twin over ten runs', async (name, settings, steps) => {
    const [runs, every, episodes] = [10, 2000, 10];
    const own: number[] = [];
    for (let seed = 0; seed < runs; seed++) {
      using world = await makeEnvironment('CartPole-v1');
      using test = await makeEnvironment('CartPole-v1');
      test.reset({ seed: 1000 + seed });
      using agent = makeAgent(await agentKind(name), placeOf(world, { seed, steps }), settings);
      using actor = agent.actor();
      const training = new Training([world], seed);
      const returns: number[] = [];
      for (let step = 1; step <= steps; step++) {
        training.step(agent);
        if (step % every === 0) returns.push(...evaluate(actor, test, episodes));
      }
      own.push(mean(returns));
    }
    const curves = ask<number[][]>({
      what: 'curves',
      agent: name,
      settings,
      runs,
      steps,
      every,
      episodes,
      seed: 12345,
    });
    const twin = curves.map(mean);
    const error = Math.hypot(deviation(own), deviation(twin)) / Math.sqrt(runs);
    console.log(`${name}: ${mean(own).toFixed(0)}, twin ${mean(twin).toFixed(0)}, standard error ${error.toFixed(0)}`);
    expect(Math.abs(mean(own) - mean(twin))).toBeLessThan(3 * error);
  });
});

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
const deviation = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));
