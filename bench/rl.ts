// Deep reinforcement learning: whole loops – act, step, replay or roll out, update – beside the same loops in Python; what acting on
// one observation and drawing from replay cost; how environments side by side scale.
import { Box, Discrete, makeEnvironment } from 'tsumugi/rl';
import { setThreads } from 'tsumugi/torch';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';
import { interleave, type Sampler, seconds } from './lib/sampling.ts';
import { acting } from './rl/acting.ts';
import { Learner } from './rl/learner.ts';
import { replay } from './rl/replay.ts';
import { Table } from './rl/table.ts';
import { vectors } from './rl/vectors.ts';

interface Case {
  title: string;
  /** Our agent's name and settings: CleanRL's, as bench/peer/rl.py has them. */
  agent: string;
  settings: object;
  environment(): Promise<Parameters<typeof Learner.make>[2]>;
  /** Of a sample. */
  steps: number;
  /** Small networks are quickest on one thread, on both sides. */
  small: boolean;
  goal: number;
}

const cheetah = async () => new Table([17], 'float32', new Box(-1, 1, [6]));

const cases: Readonly<Record<string, Case>> = {
  dqn: {
    title: 'DQN, CartPole',
    agent: 'dqn',
    settings: {
      hidden: [120, 84],
      learningRate: 2.5e-4,
      capacity: 10_000,
      replayStart: 500,
      batchSize: 128,
      updateInterval: 10,
      targetUpdateInterval: 500,
      clipDelta: false,
      epsilonStart: 0.05,
      epsilonEnd: 0.05,
    },
    environment: () => makeEnvironment('CartPole-v1'),
    steps: 4000,
    small: true,
    goal: 2,
  },
  ppo: {
    title: "PPO, HalfCheetah's shapes",
    agent: 'ppo',
    settings: {
      hidden: [64, 64],
      activation: 'tanh',
      learningRate: 3e-4,
      updateInterval: 2048,
      minibatchSize: 64,
      epochs: 10,
    },
    environment: cheetah,
    steps: 2048,
    small: true,
    goal: 2,
  },
  sac: {
    title: "SAC, HalfCheetah's shapes",
    agent: 'sac',
    settings: { capacity: 100_000, replayStart: 256 },
    environment: cheetah,
    steps: 100,
    small: true,
    goal: 2,
  },
  c51: {
    title: 'C51, 84×84×4 frames',
    agent: 'categorical-dqn',
    settings: {
      network: 'nature',
      atoms: 51,
      capacity: 2000,
      replayStart: 64,
      batchSize: 32,
      updateInterval: 4,
      targetUpdateInterval: 10_000,
      learningRate: 2.5e-4,
      optimizerEps: 0.01 / 32,
      epsilonStart: 0.01,
      epsilonEnd: 0.01,
    },
    environment: async () => new Table([4, 84, 84], 'uint8', new Discrete(6)),
    steps: 60,
    small: false,
    goal: 1,
  },
};

export async function run(context: Context): Promise<PartResult> {
  const { quick, machine, rows, log } = context;
  using peer = await context.peer('rl.py');
  for (const [name, { title, agent, settings, environment, steps, small, goal }] of Object.entries(cases)) {
    using learner = await Learner.make(agent, settings, await environment());
    learner.run(quick ? 10 : 520); // replay fills before anything is learned
    const count = quick ? Math.ceil(steps / 20) : steps;
    const threads = small ? 1 : machine.threads;
    const ours: Sampler = () => {
      setThreads(threads);
      const rate = count / seconds(() => learner.run(count));
      log(`${title}, ours: ${rate.toFixed(0)} steps/s`);
      return rate;
    };
    const theirs: Sampler | undefined =
      peer &&
      (async () => {
        const answer = await peer.ask<{ seconds: number }>('run', { case: name, steps: count, threads });
        log(`${title}, peer: ${(count / answer.seconds).toFixed(0)} steps/s`);
        return count / answer.seconds;
      });
    const rates = await interleave(quick ? 1 : 7, { ours, theirs });
    rows.push(
      row({
        name: title,
        unit: 'steps/s',
        better: 'higher',
        ours: rates.ours,
        peer: rates.theirs,
        goal: { of: 'speed', bound: goal },
      }),
    );
  }
  setThreads(1);
  await acting(context, peer);
  replay(context);
  setThreads(machine.threads);
  await vectors(context);
  const notes = [
    'settings and loops of CleanRL (bench/peer/rl.py): DQN 120-84, batch 128 every 10 steps; PPO 64-64 tanh, 2,048 steps, 10 epochs of 64; SAC 256-256, batch 256 every step; C51 Nature network, batch 32 every 4 steps',
    "PPO, SAC and C51 see observations from a table on both sides, so that the learner is timed and not MuJoCo or an emulator; DQN's CartPole is the peer's own, without Gymnasium's wrappers around it",
    'small networks run on one thread on both sides, which is quickest for both; C51 on all',
  ];
  return { rows, notes };
}
