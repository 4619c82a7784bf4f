// The settings of PPO. Defaults are those of ChainerRL's class, and of its script for MuJoCo for networks and optimizer; ours are
// observations as they are, and acting by the likeliest action.
import { z } from 'zod';
import type { AgentKind } from './kind-config.ts';
import {
  makeActorCritic,
  makeOptimizer,
  networkFields,
  optimizerFields,
  policyConditions,
  policyOptions,
} from './policy-config.ts';
import { PPO } from './ppo.ts';

const count = z.int().positive();
const share = z.number().min(0).max(1);

const ppoConfig = z.strictObject({
  ...networkFields,
  ...optimizerFields,
  gamma: share.default(0.99).describe('discount of a step'),
  lambda: share.default(0.95).describe('of generalized advantage estimation'),
  updateInterval: count.default(2048).describe('steps of all environments together between updates'),
  minibatchSize: count.default(64).describe('steps of a minibatch'),
  epochs: count.default(10).describe('passes over the steps of an update'),
  clip: z.number().positive().default(0.2).describe('how far the ratio of probabilities may move'),
  valueClip: z.number().positive().nullable().default(null).describe('how far values may move; null: as they like'),
  valueCoefficient: z.number().min(0).default(1).describe('weight of the value loss'),
  entropyCoefficient: z.number().min(0).default(0.01).describe('weight of the entropy'),
  standardizeAdvantages: z.boolean().default(true).describe('to mean 0 and standard deviation 1'),
  decayLearningRate: z.boolean().default(false).describe('in a line to 0 at the last step'),
  decayClip: z.boolean().default(false).describe('in a line to 0 at the last step'),
  maxSequenceLength: count.nullable().default(null).describe('with a memory: longest stretch to learn from'),
});

export const ppo: AgentKind<typeof ppoConfig> = {
  summary: 'proximal policy optimization',
  config: ppoConfig,
  conditions: policyConditions,
  make(place, s) {
    const model = makeActorCritic(place, s);
    return new PPO({
      ...policyOptions(place, s),
      model,
      optimizer: makeOptimizer(model.parameters(), s),
      gamma: s.gamma,
      lambda: s.lambda,
      updateInterval: s.updateInterval,
      minibatchSize: s.minibatchSize,
      epochs: s.epochs,
      clip: s.clip,
      valueClip: s.valueClip,
      valueCoefficient: s.valueCoefficient,
      entropyCoefficient: s.entropyCoefficient,
      standardizeAdvantages: s.standardizeAdvantages,
      maxGradNorm: s.maxGradNorm,
      learningRateDecay: s.decayLearningRate ? place.steps : null,
      clipDecay: s.decayClip ? place.steps : null,
      maxSequenceLength: s.maxSequenceLength,
    });
  },
};
