// The settings of PCL. Defaults are those of ChainerRL's class; of its example on CartPole (train_pcl_gym) for the optimizer, the batch,
// the capacity and the uniform share; ours are networks and acting by the likeliest action. The example's replay begins with 10,000 steps,
// which its 5000 never have.
import { z } from 'zod';
import { requireRoom } from './episode-replay.ts';
import { episodeReplayConditions, episodeReplayFields, episodeReplayOptions } from './episode-replay-config.ts';
import { withDefault } from './field-config.ts';
import type { AgentKind } from './kind-config.ts';
import { PCL } from './pcl.ts';
import {
  makeActorCritic,
  makeOptimizer,
  networkFields,
  optimizerFields,
  policyConditions,
  policyOptions,
} from './policy-config.ts';

const count = z.int().positive();
const weight = z.number().min(0);

const pclConfig = z.strictObject({
  ...networkFields,
  ...optimizerFields,
  learningRate: withDefault(optimizerFields.learningRate, 7e-4),
  optimizerEps: withDefault(optimizerFields.optimizerEps, 1e-8),
  gamma: z.number().min(0).max(1).default(0.99).describe('discount of a step'),
  tau: z.number().positive().default(0.01).describe('weight of the entropy in the return'),
  rolloutLength: count.default(10).describe('longest stretch that is held against consistency'),
  maxSteps: count.nullable().default(null).describe('steps of a segment (t_max); null: whole episodes'),
  batchSize: count.default(10).describe('segments of an update'),
  policyCoefficient: weight.default(1).describe('weight of the policy loss'),
  valueCoefficient: weight.default(0.5).describe('weight of the value loss'),
  backpropFutureValues: z.boolean().default(true).describe('the gradient reaches V at the end of a stretch, too'),
  ...episodeReplayFields,
  prioritized: z.boolean().default(false).describe('episodes are drawn by exp(return) instead of all alike'),
  uniformRatio: z.number().min(0).max(1).default(0.1).describe('prioritized: share of the draws that are uniform'),
});

export const pcl: AgentKind<typeof pclConfig> = {
  summary: 'path consistency learning',
  config: pclConfig,
  conditions: (spaces, s) => [
    ...policyConditions(spaces, s),
    ...episodeReplayConditions(s),
    { settings: ['prioritized'], holds: s.replayUpdates > 0, without: 'replayUpdates' },
    { settings: ['uniformRatio'], holds: s.prioritized, without: 'prioritized=true' },
  ],
  shares: true,
  make(place, s) {
    requireRoom('pcl', s);
    const model = makeActorCritic(place, s);
    return new PCL({
      ...policyOptions(place, s),
      model,
      optimizer: makeOptimizer(model.parameters(), s),
      gamma: s.gamma,
      tau: s.tau,
      rolloutLength: s.rolloutLength,
      maxSteps: s.maxSteps,
      batchSize: s.batchSize,
      policyCoefficient: s.policyCoefficient,
      valueCoefficient: s.valueCoefficient,
      backpropFutureValues: s.backpropFutureValues,
      ...episodeReplayOptions(s),
      byReturn: s.prioritized ? { uniformRatio: s.uniformRatio } : null,
      maxGradNorm: s.maxGradNorm,
    });
  },
};
