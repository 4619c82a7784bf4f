// The settings of PCL; defaults are those of ChainerRL's class and of its example on CartPole.
import { z } from 'zod';
import type { AgentKind } from './kind-config.ts';
import { PCL } from './pcl.ts';
import { makeActorCritic, makeOptimizer, networkFields, optimizerFields, policyOptions } from './policy-config.ts';

const count = z.int().positive();
const weight = z.number().min(0);

const pclConfig = z.strictObject({
  ...networkFields,
  ...optimizerFields,
  learningRate: z.number().positive().default(7e-4).describe('of the optimizer'),
  optimizerEps: z.number().nonnegative().default(1e-8).describe('of the optimizer'),
  gamma: z.number().min(0).max(1).default(0.99).describe('discount of a step'),
  tau: z.number().positive().default(0.01).describe('weight of the entropy in the return'),
  rolloutLength: count.default(10).describe('longest stretch that is held against consistency'),
  maxSteps: count.nullable().default(null).describe('steps of a segment (t_max); null: whole episodes'),
  batchSize: count.default(10).describe('segments of an update'),
  policyCoefficient: weight.default(1).describe('weight of the policy loss'),
  valueCoefficient: weight.default(0.5).describe('weight of the value loss'),
  backpropFutureValues: z.boolean().default(true).describe('the gradient reaches V at the end of a stretch, too'),
  normalizeBySteps: z.boolean().default(true).describe('losses are divided by the number of steps'),
  onlineUpdate: z.boolean().default(true).describe('it learns on policy, besides from replay'),
  replayUpdates: z.int().nonnegative().default(1).describe('updates from replay after each on policy'),
  capacity: count.default(100_000).describe('steps of replay'),
  replayStart: count.default(100).describe('steps in replay before it is learned from'),
});

export const pcl: AgentKind<typeof pclConfig> = {
  summary: 'path consistency learning',
  config: pclConfig,
  shares: true,
  make(place, s) {
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
      normalizeBySteps: s.normalizeBySteps,
      onlineUpdate: s.onlineUpdate,
      replayUpdates: s.replayUpdates,
      capacity: s.capacity,
      replayStart: s.replayStart,
      maxGradNorm: s.maxGradNorm,
    });
  },
};
