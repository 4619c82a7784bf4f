// Agents of continuous actions that learn from replay, on Pendulum.
import { type RlPresets, small } from './preset.ts';

export const continuousPresets = {
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
} as const satisfies RlPresets;
