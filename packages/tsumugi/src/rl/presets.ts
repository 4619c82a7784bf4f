// Experiments by name for `tsumugi rl train`: settings in three groups, by where each value comes from.
//
//   paper   the paper that is named in the summary
//   code    ChainerRL's script for it (chainer/chainerrl, examples/)
//   ours    neither; our choice
import { ConfigError, suggestion } from '../base/index.ts';
import type { RlInput } from './experiments/index.ts';

type Settings = Omit<Partial<RlInput>, 'out'>;
export type SettingSource = 'paper' | 'code' | 'ours';

export interface RlPreset extends Readonly<Record<SettingSource, Settings>> {
  /** What it is, in a line. */
  readonly summary: string;
}

/** A few minutes on a CPU. */
const small: Settings = { logEvery: 500, checkpointEvery: 10_000 };
const cartPoleSolved: Settings = { ...small, successfulScore: 475, evaluation: { interval: 2000, episodes: 20 } };

/** The scripts for MuJoCo; other tasks with environment=Hopper-v4 and the like. A time limit is no end of the task. */
const mujoco: Settings = {
  environment: 'HalfCheetah-v4',
  steps: 1_000_000,
  evaluation: { interval: 5000, episodes: 10 },
};
const long: Settings = { logEvery: 1000, checkpointEvery: 100_000 };

/**
 * The scripts for Atari, on games of the reader's own in Python (see docs/rl/python.md); others with
 * environment=python/ALE/Breakout-v5. In evaluation lives do not end episodes, and rewards are not clipped.
 */
const atari = (evaluationEpsilon: number): Settings => ({
  environment: 'python/ALE/Pong-v5',
  environmentOptions: { arguments: { frameskip: 1, repeat_action_probability: 0 } },
  trainingWrappers: ['preprocess-frames'],
  evaluationWrappers: [
    { name: 'preprocess-frames', episodicLife: false, clipReward: false },
    { name: 'randomize-action', probability: evaluationEpsilon },
  ],
  steps: 50_000_000,
  evaluation: { interval: 250_000, steps: 125_000 },
});

const presets = {
  'dqn-abc': {
    summary: 'DQN in ABC, ChainerRL’s toy environment: seconds',
    paper: {},
    code: {
      environment: 'ABC-v0',
      agent: 'dqn',
      evaluation: { interval: 200, episodes: 5 },
      successfulScore: 1,
    },
    ours: {
      environmentOptions: { deterministic: true },
      steps: 5000,
      logEvery: 100,
      checkpointEvery: 0,
      agentSettings: {
        hidden: [32],
        learningRate: 0.01,
        replayStart: 100,
        targetUpdateInterval: 50,
        capacity: 10_000,
        epsilonSteps: 500,
      },
    },
  },
  'dqn-cartpole': {
    summary: 'Double DQN on CartPole, ended once it is solved',
    paper: {},
    code: {},
    ours: {
      ...cartPoleSolved,
      environment: 'CartPole-v1',
      agent: 'double-dqn',
      steps: 100_000,
      agentSettings: {
        hidden: [64, 64],
        learningRate: 1e-3,
        capacity: 50_000,
        replayStart: 1000,
        batchSize: 64,
        targetUpdateInterval: 500,
        epsilonSteps: 10_000,
        epsilonEnd: 0.05,
      },
    },
  },
  'categorical-dqn-cartpole': {
    summary: 'C51 on CartPole (train_categorical_dqn_gym)',
    paper: {},
    code: {
      environment: 'CartPole-v1',
      agent: 'categorical-dqn',
      evaluation: { interval: 1000, episodes: 100 },
      agentSettings: {
        atoms: 51,
        atomMin: 0,
        atomMax: 500,
        hidden: [12, 12, 12],
        gamma: 0.95,
        learningRate: 1e-3,
        replayStart: 50,
        targetUpdateInterval: 100,
        capacity: 50_000,
        epsilonSteps: 1000,
      },
    },
    ours: { ...small, steps: 50_000 },
  },
  'iqn-cartpole': {
    summary: 'IQN on CartPole (train_iqn_gym)',
    paper: {},
    code: {
      environment: 'CartPole-v1',
      agent: 'iqn',
      evaluation: { interval: 1000, episodes: 100 },
      agentSettings: {
        hidden: [64],
        gamma: 0.95,
        learningRate: 1e-3,
        replayStart: 50,
        targetUpdateInterval: 100,
        capacity: 50_000,
        epsilonSteps: 1000,
      },
    },
    ours: { ...small, steps: 50_000 },
  },
  'naf-pendulum': {
    summary: 'DQN for continuous actions on Pendulum (train_dqn_gym)',
    paper: {},
    code: {
      environment: 'Pendulum-v1',
      agent: 'naf',
      steps: 100_000,
      trainingWrappers: [{ name: 'scale-reward', factor: 1e-3 }],
      evaluation: { interval: 10_000, episodes: 100 },
      agentSettings: {
        hidden: [100, 100],
        learningRate: 1e-3,
        capacity: 500_000,
        replayStart: 1000,
        targetUpdateInterval: 100,
        explorer: 'ou',
        noise: 0.2,
      },
    },
    ours: small,
  },
  'ppo-cartpole': {
    summary: 'PPO on CartPole in eight environments, ended once it is solved',
    paper: {},
    code: {},
    ours: {
      ...cartPoleSolved,
      evaluation: { interval: 5000, episodes: 20 },
      environment: 'CartPole-v1',
      agent: 'ppo',
      numEnvironments: 8,
      steps: 200_000,
      agentSettings: {
        updateInterval: 1024,
        minibatchSize: 128,
        epochs: 10,
        learningRate: 1e-3,
        gamma: 0.98,
        entropyCoefficient: 0,
        valueCoefficient: 0.5,
      },
    },
  },
  'ppo-pendulum': {
    summary: 'PPO on Pendulum in eight environments',
    paper: {},
    code: {},
    ours: {
      ...small,
      environment: 'Pendulum-v1',
      agent: 'ppo',
      numEnvironments: 8,
      steps: 300_000,
      evaluation: { interval: 10_000, episodes: 20 },
      agentSettings: {
        updateInterval: 2048,
        minibatchSize: 256,
        epochs: 10,
        learningRate: 1e-3,
        gamma: 0.9,
        entropyCoefficient: 0,
        normalizeObservations: true,
      },
    },
  },
  'a2c-pendulum': {
    summary: 'A2C on Pendulum (train_a2c_gym)',
    paper: {},
    code: {
      environment: 'Pendulum-v1',
      agent: 'a2c',
      agentSettings: { optimizer: 'rmsprop', learningRate: 7e-4 },
    },
    ours: { ...small, numEnvironments: 8, steps: 500_000, evaluation: { interval: 20_000, episodes: 20 } },
  },
  'reinforce-cartpole': {
    summary: 'REINFORCE on CartPole (train_reinforce_gym)',
    paper: {},
    code: {
      environment: 'CartPole-v0',
      agent: 'reinforce',
      steps: 100_000,
      timeLimitTerminates: true,
      trainingWrappers: [{ name: 'scale-reward', factor: 1e-2 }],
      agentSettings: {
        hidden: [200, 200],
        learningRate: 1e-3,
        maxGradNorm: 1,
        batchSize: 10,
        entropyCoefficient: 1e-4,
      },
    },
    ours: { ...small, evaluation: { interval: 5000, episodes: 20 } },
  },
  'acer-cartpole': {
    summary: 'ACER on CartPole, in one process (train_acer_gym)',
    paper: {},
    code: {
      environment: 'CartPole-v0',
      agent: 'acer',
      agentSettings: {
        maxSteps: 50,
        replayUpdates: 4,
        capacity: 5000,
        replayStart: 1000,
        learningRate: 7e-4,
        truncation: 5,
        trustRegion: 0.1,
      },
    },
    ours: { ...small, steps: 100_000, evaluation: { interval: 5000, episodes: 20 } },
  },
  'pcl-cartpole': {
    summary: 'PCL on CartPole, in one process (train_pcl_gym)',
    paper: {},
    code: {
      environment: 'CartPole-v0',
      agent: 'pcl',
      agentSettings: { batchSize: 10, rolloutLength: 10, tau: 1e-2, learningRate: 7e-4 },
    },
    ours: { ...small, steps: 100_000, evaluation: { interval: 5000, episodes: 20 } },
  },
  'trpo-mujoco': {
    summary:
      'TRPO on MuJoCo (Henderson et al. 2018, “Deep RL that Matters”; train_trpo); a time limit ends the task there',
    paper: {},
    code: {
      environment: 'HalfCheetah-v4',
      agent: 'trpo',
      steps: 2_000_000,
      timeLimitTerminates: true,
      evaluation: { interval: 100_000, episodes: 100 },
      agentSettings: {
        hidden: [64, 64],
        activation: 'tanh',
        weightInit: 'orthogonal',
        policyGain: 1e-2,
        logStd: 0,
        gamma: 0.995,
        lambda: 0.97,
        updateInterval: 5000,
        maxKl: 0.01,
        conjugateGradientIterations: 20,
        damping: 0.1,
        valueLearningRate: 1e-3,
        valueEpochs: 5,
        entropyCoefficient: 0,
        normalizeObservations: true,
        observationClip: 5,
      },
    },
    ours: long,
  },
  'ppo-mujoco': {
    summary:
      'PPO on MuJoCo (Henderson et al. 2018, “Deep RL that Matters”; train_ppo); a time limit ends the task there',
    paper: {},
    code: {
      environment: 'HalfCheetah-v4',
      agent: 'ppo',
      steps: 2_000_000,
      timeLimitTerminates: true,
      evaluation: { interval: 100_000, episodes: 100 },
      agentSettings: {
        hidden: [64, 64],
        activation: 'tanh',
        weightInit: 'orthogonal',
        policyGain: 1e-2,
        policy: 'gaussian-parameter',
        logStd: 0,
        learningRate: 3e-4,
        optimizerEps: 1e-5,
        gamma: 0.995,
        lambda: 0.97,
        entropyCoefficient: 0,
        updateInterval: 2048,
        minibatchSize: 64,
        epochs: 10,
        normalizeObservations: true,
        observationClip: 5,
      },
    },
    ours: long,
  },
  'ddpg-pendulum': {
    summary: 'DDPG on Pendulum: minutes',
    paper: {},
    code: {},
    ours: {
      ...small,
      environment: 'Pendulum-v1',
      agent: 'ddpg',
      steps: 20_000,
      evaluation: { interval: 2000, episodes: 20 },
      successfulScore: -200,
      agentSettings: { hidden: [64, 64], capacity: 50_000, replayStart: 1000, batchSize: 64 },
    },
  },
  'td3-pendulum': {
    summary: 'TD3 on Pendulum: minutes',
    paper: {},
    code: {},
    ours: {
      ...small,
      environment: 'Pendulum-v1',
      agent: 'td3',
      steps: 20_000,
      evaluation: { interval: 2000, episodes: 20 },
      successfulScore: -200,
      agentSettings: { hidden: [64, 64], capacity: 50_000, replayStart: 1000, batchSize: 64 },
    },
  },
  'sac-pendulum': {
    summary: 'SAC on Pendulum: minutes',
    paper: {},
    code: {},
    ours: {
      ...small,
      environment: 'Pendulum-v1',
      agent: 'sac',
      steps: 20_000,
      evaluation: { interval: 2000, episodes: 20 },
      successfulScore: -200,
      agentSettings: { hidden: [64, 64], learningRate: 1e-3, capacity: 50_000, replayStart: 1000, batchSize: 64 },
    },
  },
  'ddpg-mujoco': {
    summary: "DDPG as the TD3 paper's own, on MuJoCo (Fujimoto et al. 2018; train_ddpg)",
    paper: {},
    code: {
      ...mujoco,
      agent: 'ddpg',
      agentSettings: {
        hidden: [400, 300],
        weightInit: 'lecun-uniform',
        learningRate: 1e-3,
        gamma: 0.99,
        softUpdate: 5e-3,
        capacity: 1_000_000,
        replayStart: 10_000,
        batchSize: 100,
        explorer: 'gaussian',
        noise: 0.1,
      },
    },
    ours: long,
  },
  'td3-mujoco': {
    summary: 'TD3 on MuJoCo (Fujimoto et al. 2018; train_td3)',
    paper: { agentSettings: { targetNoise: 0.2, targetNoiseClip: 0.5, policyInterval: 2 } },
    code: {
      ...mujoco,
      agent: 'td3',
      agentSettings: {
        hidden: [400, 300],
        weightInit: 'lecun-uniform',
        learningRate: 1e-3,
        gamma: 0.99,
        softUpdate: 5e-3,
        capacity: 1_000_000,
        replayStart: 10_000,
        batchSize: 100,
        explorer: 'gaussian',
        noise: 0.1,
      },
    },
    ours: long,
  },
  'sac-mujoco': {
    summary: 'SAC with a learned temperature on MuJoCo (Haarnoja et al. 2018; train_soft_actor_critic)',
    paper: { agentSettings: { targetEntropy: 'auto' } },
    code: {
      ...mujoco,
      steps: 3_000_000,
      agent: 'sac',
      agentSettings: {
        hidden: [256, 256],
        weightInit: 'glorot-uniform',
        learningRate: 3e-4,
        gamma: 0.99,
        softUpdate: 5e-3,
        capacity: 1_000_000,
        replayStart: 10_000,
        batchSize: 256,
      },
    },
    ours: { ...long, wrappers: ['normalize-action'] },
  },
  'dqn-atari': {
    summary: 'DQN on Atari (Mnih et al. 2015; train_dqn)',
    paper: {},
    code: {
      ...atari(0.05),
      agent: 'dqn',
      agentSettings: {
        network: 'nature',
        stack: 4,
        optimizer: 'rmsprop-graves',
        learningRate: 2.5e-4,
        optimizerEps: 1e-2,
        capacity: 1_000_000,
        epsilonStart: 1,
        epsilonEnd: 0.1,
        epsilonSteps: 1_000_000,
        replayStart: 50_000,
        targetUpdateInterval: 10_000,
        updateInterval: 4,
        batchSize: 32,
        accumulator: 'sum',
      },
    },
    ours: long,
  },
  'iqn-atari': {
    summary: 'IQN on Atari (Dabney et al. 2018; train_iqn)',
    paper: { agentSettings: { quantiles: 64, targetQuantiles: 64, actingQuantiles: 32 } },
    code: {
      ...atari(0.001),
      agent: 'iqn',
      agentSettings: {
        network: 'nature',
        stack: 4,
        learningRate: 5e-5,
        optimizerEps: 1e-2 / 32,
        capacity: 1_000_000,
        epsilonStart: 1,
        epsilonEnd: 0.01,
        epsilonSteps: 1_000_000,
        replayStart: 50_000,
        targetUpdateInterval: 10_000,
        updateInterval: 4,
        batchSize: 32,
      },
    },
    ours: long,
  },
  'rainbow-atari': {
    summary: 'Rainbow on Atari (Hessel et al. 2018; train_rainbow)',
    paper: {},
    code: {
      ...atari(0),
      agent: 'rainbow',
      agentSettings: {
        network: 'nature',
        stack: 4,
        atoms: 51,
        atomMin: -10,
        atomMax: 10,
        noisy: 0.5,
        explorer: 'greedy',
        learningRate: 6.25e-5,
        optimizerEps: 1.5e-4,
        prioritized: true,
        alpha: 0.5,
        beta: 0.4,
        betaSteps: 12_500_000,
        normalize: 'memory',
        steps: 3,
        capacity: 1_000_000,
        replayStart: 20_000,
        targetUpdateInterval: 32_000,
        updateInterval: 4,
        batchSize: 32,
      },
    },
    ours: long,
  },
} as const satisfies Record<string, RlPreset>;

/** The experiments by name. */
export const rlPresets: Readonly<Record<string, RlPreset>> = presets;

/** An experiment by name. @throws ConfigError with the nearest name when there is none */
export function rlPreset(name: string): RlPreset {
  if (Object.hasOwn(rlPresets, name)) return rlPresets[name]!;
  throw new ConfigError('unknown-experiment', `there is no experiment "${name}"`, {
    remedy: suggestion(name, Object.keys(rlPresets)),
    fields: { experiment: name, known: Object.keys(rlPresets) },
  });
}

/** All settings of an experiment, whatever their source. */
export function settingsOfPreset({ paper, code, ours }: RlPreset): Settings {
  const agentSettings = { ...ours.agentSettings, ...code.agentSettings, ...paper.agentSettings };
  return { ...ours, ...code, ...paper, agentSettings };
}
