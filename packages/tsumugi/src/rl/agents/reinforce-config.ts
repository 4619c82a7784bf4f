// The settings of REINFORCE. Defaults are those of ChainerRL's example on CartPole (train_reinforce_gym), whose policy for continuous
// actions has a fixed variance of 0.1 (policy=gaussian-fixed, logStd=-1.151); ours are a variance that is learned and acting by the
// likeliest action.
import { z } from 'zod';
import type { AgentKind } from './kind-config.ts';
import {
  makeOptimizer,
  makePolicy,
  optimizerFields,
  policyConditions,
  policyOnlyFields,
  policyOptions,
} from './policy-config.ts';
import { REINFORCE } from './reinforce.ts';

const reinforceConfig = z.strictObject({
  ...policyOnlyFields,
  ...optimizerFields,
  hidden: z.array(z.int().positive()).default([200, 200]).describe(policyOnlyFields.hidden.description!),
  activation: policyOnlyFields.activation
    .unwrap()
    .default('leaky-relu')
    .describe(policyOnlyFields.activation.description!),
  weightInit: policyOnlyFields.weightInit
    .unwrap()
    .default('lecun-normal')
    .describe(policyOnlyFields.weightInit.description!),
  policyGain: z.number().positive().default(1).describe(policyOnlyFields.policyGain.description!),
  learningRate: z.number().positive().default(1e-3).describe('of the optimizer'),
  optimizerEps: z.number().nonnegative().default(1e-8).describe('of the optimizer'),
  maxGradNorm: z.number().positive().nullable().default(1).describe(optimizerFields.maxGradNorm.description!),
  batchSize: z.int().positive().default(10).describe('episodes of an update'),
  entropyCoefficient: z.number().min(0).default(1e-4).describe('weight of the entropy'),
  timeouts: z
    .enum(['drop', 'terminal'])
    .default('drop')
    .describe('an episode that a time limit cuts off is dropped, or its return is what it collected'),
});

export const reinforce: AgentKind<typeof reinforceConfig> = {
  summary: 'REINFORCE: policy gradients from whole episodes',
  config: reinforceConfig,
  conditions: policyConditions,
  make(place, s) {
    const model = makePolicy(place, s);
    return new REINFORCE({
      ...policyOptions(place, s),
      model,
      optimizer: makeOptimizer(model.parameters(), s),
      batchSize: s.batchSize,
      entropyCoefficient: s.entropyCoefficient,
      timeouts: s.timeouts,
      maxGradNorm: s.maxGradNorm,
    });
  },
};
