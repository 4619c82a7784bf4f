// The settings of ACER; defaults are those of ChainerRL's class.
import { z } from 'zod';
import { deriveSeed } from '../../base/index.ts';
import { Linear, Sequential, zerosInit } from '../../nn/index.ts';
import { Rng } from '../../torch/index.ts';
import { DiscreteActorQ, DuelingActorQ, initializerOf, MLP, makeBody, ValueHead } from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import type { Discrete } from '../spaces/index.ts';
import { ACER } from './acer.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import {
  makeOptimizer,
  makePolicyHead,
  optimizerFields,
  policyKindOf,
  policyOnlyFields,
  policyOptions,
} from './policy-config.ts';

const count = z.int().positive();
const weight = z.number().min(0);
const share = z.number().min(0).max(1);

const acerConfig = z.strictObject({
  ...policyOnlyFields,
  ...optimizerFields,
  sharedBody: z.boolean().default(false).describe('policy and values have one body instead of one each'),
  duelingSamples: count.default(5).describe('continuous actions: those drawn for the mean advantage'),
  optimizer: optimizerFields.optimizer.unwrap().default('rmsprop').describe(optimizerFields.optimizer.description!),
  learningRate: z.number().positive().default(7e-4).describe('of the optimizer'),
  optimizerEps: z.number().nonnegative().default(4e-3).describe('of the optimizer'),
  maxGradNorm: z.number().positive().nullable().default(40).describe(optimizerFields.maxGradNorm.description!),
  gamma: share.default(0.99).describe('discount of a step'),
  maxSteps: count.default(50).describe('longest segment (t_max)'),
  truncation: z.number().positive().default(10).describe('of importance weights (c)'),
  trustRegion: z
    .number()
    .positive()
    .nullable()
    .default(1)
    .describe('how far from the averaged policy (δ); null: as it likes'),
  averageDecay: share.default(0.99).describe('of the averaged policy (α)'),
  useOpc: z.boolean().default(false).describe('advantages are of Q_opc instead of Q_ret'),
  policyCoefficient: weight.default(1).describe('weight of the policy loss, with its entropy'),
  qCoefficient: weight.default(0.5).describe('weight of the value losses'),
  entropyCoefficient: weight.default(0.01).describe('weight of the entropy (β)'),
  normalizeBySteps: z.boolean().default(true).describe('losses are divided by the number of steps'),
  onlineUpdate: z.boolean().default(true).describe('it learns on policy, besides from replay'),
  replayUpdates: z.int().nonnegative().default(8).describe('updates from replay after each on policy'),
  capacity: count.default(1_000_000).describe('steps of replay'),
  replayStart: count.default(10_000).describe('steps in replay before it is learned from'),
});

type Settings = z.output<typeof acerConfig>;

function makeModel(place: AgentPlace, s: Settings): DiscreteActorQ | DuelingActorQ {
  policyKindOf(place, s);
  const rng = new Rng(deriveSeed(place.seed, 'network'), place.device);
  const { hidden, activation, weightInit } = s;
  const makeOne = () => makeBody(place.observationSpace, { kind: s.network, hidden, activation, weightInit }, rng);
  const body = makeOne();
  const policy = makePolicyHead(place, s, body.features, rng);
  const own = s.sharedBody ? undefined : makeOne();
  const features = own?.features ?? body.features;
  const { actionSpace, observationSpace } = place;
  if (actionSpace.kind === 'Discrete')
    return new DiscreteActorQ({
      body,
      policy,
      ...(own && { qBody: own }),
      features,
      numActions: (actionSpace as Discrete).n,
      rng,
    });
  const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  const init = { rng, weightInit: initializerOf(weightInit), biasInit: zerosInit() };
  const hiddenLayers = new MLP(
    sizeOf(new ObservationInput(observationSpace).shape) + sizeOf(actionSpace.shape),
    hidden,
    {
      rng,
      activation,
      weightInit,
    },
  );
  return new DuelingActorQ({
    body,
    policy,
    ...(own && { valueBody: own }),
    value: new ValueHead(features, init),
    advantage: new Sequential(hiddenLayers, new Linear(hiddenLayers.features, 1, init)),
    samples: s.duelingSamples,
  });
}

export const acer: AgentKind<typeof acerConfig> = {
  summary: 'actor-critic with experience replay',
  config: acerConfig,
  shares: true,
  make(place, s) {
    const model = makeModel(place, s);
    return new ACER({
      ...policyOptions(place, s),
      model,
      average: makeModel(place, s),
      optimizer: makeOptimizer(model.parameters(), s),
      gamma: s.gamma,
      maxSteps: s.maxSteps,
      truncation: s.truncation,
      trustRegion: s.trustRegion,
      averageDecay: s.averageDecay,
      useOpc: s.useOpc,
      policyCoefficient: s.policyCoefficient,
      qCoefficient: s.qCoefficient,
      entropyCoefficient: s.entropyCoefficient,
      normalizeBySteps: s.normalizeBySteps,
      onlineUpdate: s.onlineUpdate,
      replayUpdates: s.replayUpdates,
      capacity: s.capacity,
      replayStart: s.replayStart,
      maxGradNorm: s.maxGradNorm,
    });
  },
};
