// ChainerRL's scripts for Atari, on games of the reader's own in Python (see docs/rl/python.md); others with
// environment=python/ALE/Breakout-v5.
import { long, type RlPresets, type Settings } from './preset.ts';

/**
 * What the scripts have in common: in evaluation lives do not end episodes, and rewards are not clipped.
 *
 * @param epsilon probability of a random action in evaluation, where the script has one
 * @param frames further options of the preprocessing
 */
export const atari = ({ epsilon, frames }: { epsilon?: number; frames?: Record<string, number> } = {}) =>
  ({
    environment: 'python/ALE/Pong-v5',
    environmentOptions: { arguments: { frameskip: 1, repeat_action_probability: 0 } },
    trainingWrappers: [{ name: 'preprocess-frames', ...frames }],
    evaluationWrappers: [
      { name: 'preprocess-frames', episodicLife: false, clipReward: false, ...frames },
      ...(epsilon === undefined ? [] : [{ name: 'randomize-action', probability: epsilon }]),
    ],
    steps: 50_000_000,
    evaluation: { interval: 250_000, steps: 125_000 },
  }) satisfies Settings;

const iqnQuantiles = { quantiles: 64, targetQuantiles: 64, actingQuantiles: 32 };
const iqnSettings = {
  network: 'nature-convolutions',
  quantileHidden: 512,
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
} as const;

export const atariValuePresets = {
  'dqn-atari': {
    summary: 'DQN on Atari (Mnih et al. 2015; train_dqn)',
    paper: {},
    code: {
      ...atari({ epsilon: 0.05 }),
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
  'double-dqn-atari': {
    summary: 'Double DQN on Atari (van Hasselt et al. 2016; train_dqn_ale)',
    paper: {},
    // Each action has a bias of its own in the last layer; the script has one for all.
    code: {
      ...atari({ epsilon: 0.001 }),
      evaluation: { interval: 100_000, episodes: 10 },
      agent: 'double-dqn',
      agentSettings: {
        network: 'nature',
        stack: 4,
        optimizer: 'rmsprop-graves',
        learningRate: 2.5e-4,
        optimizerEps: 1e-2,
        capacity: 1_000_000,
        epsilonStart: 1,
        epsilonEnd: 0.01,
        epsilonSteps: 1_000_000,
        replayStart: 50_000,
        targetUpdateInterval: 30_000,
        updateInterval: 4,
        batchSize: 32,
        accumulator: 'sum',
      },
    },
    ours: long,
  },
  'drqn-atari': {
    summary:
      'DRQN on flickering Atari, one frame at a time (Hausknecht & Stone 2015; train_drqn_ale with its recurrent model)',
    paper: {},
    code: {
      ...atari({ epsilon: 0.001, frames: { flicker: 0.5, stack: 1 } }),
      agent: 'double-dqn',
      agentSettings: {
        network: 'nature-convolutions',
        memory: 'lstm',
        memorySize: 512,
        episodicLength: 10,
        optimizer: 'adam',
        learningRate: 1e-4, // the script does not use its option of the rate
        optimizerEps: 1e-4,
        capacity: 1_000_000,
        epsilonStart: 1,
        epsilonEnd: 0.01,
        epsilonSteps: 1_000_000,
        replayStart: 50_000,
        targetUpdateInterval: 30_000,
        updateInterval: 4,
        batchSize: 32,
      },
    },
    ours: long,
  },
  'categorical-dqn-atari': {
    summary: 'C51 on Atari (Bellemare et al. 2017; train_categorical_dqn_ale)',
    paper: {},
    code: {
      ...atari({ epsilon: 0.05 }),
      steps: 10_000_000,
      evaluation: { interval: 100_000, episodes: 10 },
      agent: 'categorical-dqn',
      agentSettings: {
        network: 'nature',
        stack: 4,
        atoms: 51,
        atomMin: -10,
        atomMax: 10,
        learningRate: 2.5e-4,
        optimizerEps: 1e-2 / 32,
        capacity: 1_000_000,
        epsilonStart: 1,
        epsilonEnd: 0.1,
        epsilonSteps: 1_000_000,
        replayStart: 50_000,
        targetUpdateInterval: 10_000,
        updateInterval: 4,
        batchSize: 32,
      },
    },
    ours: long,
  },
  'iqn-atari': {
    summary: 'IQN on Atari (Dabney et al. 2018; train_iqn)',
    paper: { agentSettings: iqnQuantiles },
    code: { ...atari({ epsilon: 0.001 }), agent: 'iqn', agentSettings: iqnSettings },
    ours: long,
  },
  'double-iqn-atari': {
    summary: 'Double IQN on Atari (train_double_iqn)',
    paper: {},
    code: { ...atari({ epsilon: 0.001 }), agent: 'double-iqn', agentSettings: { ...iqnQuantiles, ...iqnSettings } },
    ours: long,
  },
  'rainbow-atari': {
    summary: 'Rainbow on Atari (Hessel et al. 2018; train_rainbow)',
    paper: {},
    // Initial biases of the convolutions are 0 here, and 0.1 in the script.
    code: {
      ...atari({ epsilon: 0 }),
      agent: 'rainbow',
      agentSettings: {
        network: 'nature-convolutions',
        duelingHidden: 1024,
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
  'nsq-atari': {
    summary: 'n-step Q-learning on Atari, in threads (Mnih et al. 2016; train_nsq_ale)',
    paper: { agentSettings: { epsilonEnd: 'drawn' } },
    code: {
      ...atari({ epsilon: 0.05 }),
      steps: 80_000_000,
      evaluation: { interval: 1_000_000, episodes: 10 },
      agent: 'nsq',
      agentSettings: {
        network: 'nips',
        optimizer: 'rmsprop',
        learningRate: 7e-4,
        optimizerEps: 0.1,
        decayLearningRate: true,
        gamma: 0.99,
        rolloutSteps: 5,
        targetUpdateInterval: 40_000,
        epsilonStart: 1,
        epsilonSteps: 4_000_000,
      },
    },
    // The script is told its processes by hand; the paper had 16.
    ours: { ...long, threads: 16 },
  },
} as const satisfies RlPresets;
