// The settings of ACER. Defaults are those of ChainerRL's class; of its script for Atari (train_acer_ale) for the optimizer and the
// capacity; of its example on CartPole (train_acer_gym) for t_max; ours are networks and acting by the likeliest action.
import { z } from 'zod';
import { deriveSeed } from '../../base/index.ts';
import { Linear, Sequential, zerosInit } from '../../nn/index.ts';
import { Rng } from '../../torch/index.ts';
import {
  DiscreteActorQ,
  DuelingActorQ,
  initializerOf,
  MLP,
  makeBody,
  makeCore,
  RecurrentDiscreteActorQ,
  RecurrentDuelingActorQ,
  ValueHead,
} from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import type { Discrete } from '../spaces/index.ts';
import { ACER, type ActorQModel } from './acer.ts';
import { requireRoom } from './episode-replay.ts';
import { episodeReplayConditions, episodeReplayFields, episodeReplayOptions } from './episode-replay-config.ts';
import { withDefault } from './field-config.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import {
  makeOptimizer,
  makePolicyHead,
  networkFields,
  optimizerFields,
  policyConditions,
  policyKindOf,
  policyOptions,
} from './policy-config.ts';

const count = z.int().positive();
const weight = z.number().min(0);
const share = z.number().min(0).max(1);

const acerConfig = z.strictObject({
  ...networkFields,
  ...optimizerFields,
  duelingSamples: count.default(5).describe('continuous actions: those drawn for the mean advantage'),
  optimizer: withDefault(optimizerFields.optimizer, 'rmsprop'),
  learningRate: withDefault(optimizerFields.learningRate, 7e-4),
  optimizerEps: withDefault(optimizerFields.optimizerEps, 4e-3),
  maxGradNorm: withDefault(optimizerFields.maxGradNorm, 40),
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
  ...episodeReplayFields,
  replayUpdates: withDefault(episodeReplayFields.replayUpdates, 8),
  capacity: withDefault(episodeReplayFields.capacity, 1_000_000),
  replayStart: withDefault(episodeReplayFields.replayStart, 10_000),
});

type Settings = z.output<typeof acerConfig>;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

function makeModel(place: AgentPlace, s: Settings): ActorQModel {
  policyKindOf(place, s);
  const rng = new Rng(deriveSeed(place.seed, 'network'), place.device);
  const { hidden, activation, weightInit, duelingSamples: samples } = s;
  const { actionSpace, observationSpace } = place;
  const makeOne = () => makeBody(observationSpace, { kind: s.network, hidden, activation, weightInit }, rng);
  const coreOf = (features: number) =>
    s.memory === 'none' ? undefined : makeCore(s.memory, features, s.memorySize, rng);
  const body = makeOne();
  const core = coreOf(body.features);
  const policy = makePolicyHead(place, s, core?.features ?? body.features, rng);
  const ownBody = s.sharedBody ? undefined : makeOne();
  const ownCore = ownBody && coreOf(ownBody.features);
  const features = (ownCore ?? ownBody ?? core ?? body).features;
  const trunks = core && {
    body,
    core,
    policy,
    ...(ownBody && { valueBody: ownBody }),
    ...(ownCore && { valueCore: ownCore }),
  };
  if (actionSpace.kind === 'Discrete') {
    const { n: numActions } = actionSpace as Discrete;
    if (trunks) return new RecurrentDiscreteActorQ({ ...trunks, features, numActions, rng });
    return new DiscreteActorQ({ body, policy, ...(ownBody && { qBody: ownBody }), features, numActions, rng });
  }
  const init = { rng, weightInit: initializerOf(weightInit), biasInit: zerosInit() };
  const value = new ValueHead(features, init);
  // A sees the observation, or what is remembered of all.
  const seen = core ? features : sizeOf(new ObservationInput(observationSpace).shape);
  const layers = new MLP(seen + sizeOf(actionSpace.shape), hidden, { rng, activation, weightInit });
  const advantage = new Sequential(layers, new Linear(layers.features, 1, init));
  if (trunks) return new RecurrentDuelingActorQ({ ...trunks, value, advantage, samples });
  return new DuelingActorQ({ body, policy, ...(ownBody && { valueBody: ownBody }), value, advantage, samples });
}

export const acer: AgentKind<typeof acerConfig> = {
  summary: 'actor-critic with experience replay',
  config: acerConfig,
  conditions: (spaces, s) => [
    // Of continuous actions the advantage has such layers, whatever the body is.
    ...policyConditions(spaces, s).filter(
      ({ settings }) => spaces.actionSpace.kind === 'Discrete' || settings[0] !== 'hidden',
    ),
    { settings: ['duelingSamples'], holds: spaces.actionSpace.kind === 'Box', without: 'continuous actions' },
    { settings: ['averageDecay'], holds: s.trustRegion !== null, without: 'a trustRegion' },
    { settings: ['truncation', 'useOpc'], holds: s.replayUpdates > 0, without: 'replayUpdates' },
    ...episodeReplayConditions(s),
  ],
  shares: true,
  make(place, s) {
    requireRoom('acer', s);
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
      ...episodeReplayOptions(s),
      maxGradNorm: s.maxGradNorm,
    });
  },
};
