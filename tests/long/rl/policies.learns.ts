// Agents with a policy on CartPole and Pendulum. Settings are our choice.
import type { LearningRun } from '../rl.ts';

const cartPole = { environment: 'CartPole-v1', goal: 475 };
const pendulum = { environment: 'Pendulum-v1', goal: -250, rewardScale: 0.1 };

export const runs: readonly LearningRun[] = [
  {
    ...cartPole,
    name: 'ppo-cartpole',
    agent: 'ppo',
    environments: 4,
    steps: 100_000,
    settings: { updateInterval: 512, learningRate: 1e-3, gamma: 0.98, entropyCoefficient: 0 },
  },
  {
    ...cartPole,
    name: 'a2c-cartpole',
    agent: 'a2c',
    environments: 8,
    steps: 200_000,
    settings: {
      updateSteps: 16,
      lambda: 0.95,
      optimizer: 'adam',
      optimizerEps: 1e-5,
      learningRate: 1e-3,
      maxGradNorm: 0.5,
    },
  },
  {
    ...cartPole,
    name: 'reinforce-cartpole',
    agent: 'reinforce',
    steps: 300_000,
    rewardScale: 0.01,
    settings: { timeouts: 'terminal' },
  },
  {
    ...cartPole,
    name: 'trpo-cartpole',
    agent: 'trpo',
    environments: 4,
    steps: 100_000,
    settings: { updateInterval: 1000, gamma: 0.98, entropyCoefficient: 0, valueEpochs: 5 },
  },
  {
    ...cartPole,
    name: 'a3c-cartpole',
    agent: 'a3c',
    steps: 200_000,
    settings: {
      maxSteps: 50,
      scale: 'mean',
      optimizer: 'adam',
      optimizerEps: 1e-5,
      learningRate: 7e-4,
      maxGradNorm: 0.5,
    },
  },
  {
    ...cartPole,
    name: 'acer-cartpole',
    agent: 'acer',
    steps: 100_000,
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
    ...cartPole,
    name: 'pcl-cartpole',
    agent: 'pcl',
    steps: 200_000,
    settings: { hidden: [200, 200], replayUpdates: 4, tau: 0.01 },
  },
  {
    ...pendulum,
    name: 'ppo-pendulum',
    agent: 'ppo',
    environments: 4,
    steps: 300_000,
    settings: {
      updateInterval: 2048,
      learningRate: 1e-3,
      gamma: 0.9,
      entropyCoefficient: 0,
      normalizeObservations: true,
    },
  },
  {
    ...pendulum,
    name: 'trpo-pendulum',
    agent: 'trpo',
    environments: 4,
    steps: 300_000,
    settings: { updateInterval: 2048, gamma: 0.9, entropyCoefficient: 0, valueEpochs: 10, normalizeObservations: true },
  },
];
