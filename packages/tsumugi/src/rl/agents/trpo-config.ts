// The settings of TRPO. Defaults are those of ChainerRL's class, and of its script for MuJoCo for networks and the value function's Adam;
// ours are observations as they are, and acting by the likeliest action.
import { z } from 'zod';
import { Adam } from '../../optim/index.ts';
import type { AgentKind } from './kind-config.ts';
import { makeActorCritic, networkFields, policyConditions, policyOptions } from './policy-config.ts';
import { TRPO } from './trpo.ts';

const count = z.int().positive();
const share = z.number().min(0).max(1);
const { sharedBody: _, ...separateFields } = networkFields;

const trpoConfig = z.strictObject({
  ...separateFields,
  gamma: share.default(0.99).describe('discount of a step'),
  lambda: share.default(0.95).describe('of generalized advantage estimation'),
  updateInterval: count.default(2048).describe('steps of all environments together between updates'),
  maxKl: z.number().positive().default(0.01).describe('how far the policy may move'),
  entropyCoefficient: z.number().min(0).default(0.01).describe('weight of the entropy'),
  standardizeAdvantages: z.boolean().default(true).describe('to mean 0 and standard deviation 1'),
  valueLearningRate: z.number().positive().default(1e-3).describe("of the value function's Adam"),
  valueEpochs: count.default(3).describe('passes of the value function over the steps of an update'),
  valueBatchSize: count.default(64).describe('steps of its minibatches'),
  conjugateGradientIterations: count.default(10).describe('at most, for the direction of the step'),
  damping: z.number().min(0).default(1e-2).describe('added to the diagonal of the Fisher matrix'),
  maxBacktracks: z.int().nonnegative().default(10).describe('halvings of the step that are tried'),
  maxSequenceLength: count.nullable().default(null).describe('with a memory: longest stretch for the value function'),
});

export const trpo: AgentKind<typeof trpoConfig> = {
  summary: 'trust region policy optimization',
  config: trpoConfig,
  conditions: policyConditions,
  make(place, s) {
    const model = makeActorCritic(place, { ...s, sharedBody: false });
    return new TRPO({
      ...policyOptions(place, s),
      model,
      valueOptimizer: new Adam(model.parts.value, { lr: s.valueLearningRate, epsOn: 'uncorrected' }),
      gamma: s.gamma,
      lambda: s.lambda,
      updateInterval: s.updateInterval,
      maxKl: s.maxKl,
      entropyCoefficient: s.entropyCoefficient,
      standardizeAdvantages: s.standardizeAdvantages,
      valueEpochs: s.valueEpochs,
      valueBatchSize: s.valueBatchSize,
      conjugateGradientIterations: s.conjugateGradientIterations,
      damping: s.damping,
      maxBacktracks: s.maxBacktracks,
      maxSequenceLength: s.maxSequenceLength,
    });
  },
};
