// The settings of A3C. Defaults are those of ChainerRL's class, and of its script for Atari (train_a3c) for the optimizer and t_max; ours
// are networks and acting by the likeliest action.
import { z } from 'zod';
import { A3C } from './a3c.ts';
import { withDefault } from './field-config.ts';
import type { AgentKind } from './kind-config.ts';
import {
  makeActorCritic,
  makeOptimizer,
  networkFields,
  optimizerFields,
  policyConditions,
  policyOptions,
} from './policy-config.ts';

const share = z.number().min(0).max(1);

const a3cConfig = z.strictObject({
  ...networkFields,
  ...optimizerFields,
  optimizer: withDefault(optimizerFields.optimizer, 'rmsprop'),
  learningRate: withDefault(optimizerFields.learningRate, 7e-4),
  optimizerEps: withDefault(optimizerFields.optimizerEps, 0.1),
  maxGradNorm: withDefault(optimizerFields.maxGradNorm, 40),
  gamma: share.default(0.99).describe('discount of a step'),
  maxSteps: z.int().positive().default(5).describe('longest segment (t_max)'),
  policyCoefficient: z.number().min(0).default(1).describe('weight of the policy loss, with its entropy'),
  valueCoefficient: z.number().min(0).default(0.5).describe('weight of the value loss'),
  entropyCoefficient: z.number().min(0).default(0.01).describe('weight of the entropy (β)'),
  scale: z
    .enum(['sum', 'segment', 'mean'])
    .default('sum')
    .describe('losses are sums; times t_max / length; or means over the segment'),
  decayLearningRate: z.boolean().default(false).describe('in a line to 0 at the last step'),
  averageRewardTau: z
    .number()
    .positive()
    .max(1)
    .nullable()
    .default(null)
    .describe('rewards count less their average, which follows by this share; null: as they are'),
});

export const a3c: AgentKind<typeof a3cConfig> = {
  summary: 'advantage actor-critic by segments of episodes',
  config: a3cConfig,
  conditions: policyConditions,
  shares: true,
  make(place, s) {
    const model = makeActorCritic(place, s);
    return new A3C({
      ...policyOptions(place, s),
      model,
      optimizer: makeOptimizer(model.parameters(), s),
      gamma: s.gamma,
      maxSteps: s.maxSteps,
      policyCoefficient: s.policyCoefficient,
      valueCoefficient: s.valueCoefficient,
      entropyCoefficient: s.entropyCoefficient,
      scale: s.scale,
      averageRewardTau: s.averageRewardTau,
      maxGradNorm: s.maxGradNorm,
      learningRateDecay: s.decayLearningRate ? place.steps : null,
    });
  },
};
