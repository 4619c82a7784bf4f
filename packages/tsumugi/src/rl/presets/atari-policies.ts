// ChainerRL's scripts for Atari: agents with a policy.
import { atari } from './atari.ts';
import { long, type RlPresets } from './preset.ts';

/** The network of the papers of A3C and A2C; both draw their actions in evaluation, too. */
const nipsActorCritic = {
  network: 'nips',
  sharedBody: true,
  weightInit: 'lecun-normal',
  policyGain: 1,
  actDeterministically: false,
};

export const atariPolicyPresets = {
  'a3c-atari': {
    summary: 'A3C on Atari, in 16 threads (Mnih et al. 2016; train_a3c)',
    paper: {},
    code: {
      ...atari(),
      steps: 80_000_000,
      threads: 16,
      agent: 'a3c',
      agentSettings: {
        ...nipsActorCritic,
        optimizer: 'rmsprop',
        learningRate: 7e-4,
        optimizerEps: 0.1,
        decayLearningRate: true,
        maxGradNorm: 40,
        gamma: 0.99,
        maxSteps: 5,
        entropyCoefficient: 1e-2,
      },
    },
    ours: long,
  },
  'a2c-atari': {
    summary: 'A2C on Atari, where a time limit ends the task (train_a2c_ale); in one environment, as the script has it',
    paper: {},
    code: {
      ...atari(),
      steps: 80_000_000,
      numEnvironments: 1,
      evaluation: { interval: 1_000_000, episodes: 10 },
      agent: 'a2c',
      agentSettings: {
        ...nipsActorCritic,
        optimizer: 'rmsprop',
        learningRate: 7e-4,
        optimizerEps: 1e-5,
        maxGradNorm: 40,
        gamma: 0.99,
        updateSteps: 5,
        timeouts: 'terminal',
      },
    },
    ours: long,
  },
  'ppo-atari': {
    summary: 'PPO on Atari in eight environments (Schulman et al. 2017; train_ppo_ale)',
    paper: {},
    // Initial biases of the convolutions are 0.1 here, and 0 in the script.
    code: {
      ...atari(),
      steps: 10_000_000,
      numEnvironments: 8,
      evaluation: { interval: 100_000, episodes: 10 },
      agent: 'ppo',
      agentSettings: {
        network: 'nature',
        sharedBody: true,
        weightInit: 'lecun-normal',
        policyGain: 1e-2,
        actDeterministically: false,
        optimizer: 'adam',
        learningRate: 2.5e-4,
        optimizerEps: 1e-5,
        decayLearningRate: true,
        maxGradNorm: 0.5,
        gamma: 0.99,
        lambda: 0.95,
        updateInterval: 1024,
        minibatchSize: 256,
        epochs: 4,
        clip: 0.1,
        valueCoefficient: 1,
        entropyCoefficient: 1e-2,
      },
    },
    ours: long,
  },
} as const satisfies RlPresets;
