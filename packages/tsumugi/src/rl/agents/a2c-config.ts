// The settings of A2C. Defaults are those of ChainerRL's class, and of its script for Atari (train_a2c_ale) for the optimizer; ours are
// networks, time limits and acting by the likeliest action.
import { z } from 'zod';
import { A2C } from './a2c.ts';
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

const a2cConfig = z.strictObject({
  ...networkFields,
  ...optimizerFields,
  optimizer: withDefault(optimizerFields.optimizer, 'rmsprop'),
  learningRate: withDefault(optimizerFields.learningRate, 7e-4),
  optimizerEps: withDefault(optimizerFields.optimizerEps, 1e-5),
  maxGradNorm: withDefault(optimizerFields.maxGradNorm, 40),
  gamma: share.default(0.99).describe('discount of a step'),
  updateSteps: z.int().positive().default(5).describe('steps of each environment between updates'),
  lambda: share.nullable().default(null).describe('of generalized advantage estimation; null: discounted returns'),
  timeouts: z
    .enum(['bootstrap', 'terminal'])
    .default('bootstrap')
    .describe("what a time limit is: a cut after which V counts, or the task's end as in ChainerRL"),
  policyCoefficient: z.number().min(0).default(1).describe('weight of the policy loss'),
  valueCoefficient: z.number().min(0).default(0.5).describe('weight of the value loss'),
  entropyCoefficient: z.number().min(0).default(0.01).describe('weight of the entropy'),
});

export const a2c: AgentKind<typeof a2cConfig> = {
  summary: 'advantage actor-critic, synchronous',
  config: a2cConfig,
  conditions: policyConditions,
  make(place, s) {
    const model = makeActorCritic(place, s);
    return new A2C({
      ...policyOptions(place, s),
      model,
      optimizer: makeOptimizer(model.parameters(), s),
      gamma: s.gamma,
      updateSteps: s.updateSteps,
      lambda: s.lambda,
      timeouts: s.timeouts,
      policyCoefficient: s.policyCoefficient,
      valueCoefficient: s.valueCoefficient,
      entropyCoefficient: s.entropyCoefficient,
      maxGradNorm: s.maxGradNorm,
    });
  },
};
