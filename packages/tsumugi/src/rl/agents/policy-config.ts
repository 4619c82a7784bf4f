// The settings that agents with a policy share, and the parts that follow from them.
import { z } from 'zod';
import { ConfigError, deriveSeed } from '../../base/index.ts';
import { zerosInit } from '../../nn/index.ts';
import { Adam, type Optimizer, RMSprop } from '../../optim/index.ts';
import { Rng, type Tensor } from '../../torch/index.ts';
import {
  ActorCritic,
  activationNames,
  bodyKind,
  cellNames,
  EmpiricalNormalization,
  FixedGaussianHead,
  GaussianHead,
  initializerOf,
  initialWeights,
  MellowmaxHead,
  makeBody,
  makeCore,
  networkNames,
  Policy,
  type PolicyHead,
  RecurrentActorCritic,
  SoftmaxHead,
  StateIndependentGaussianHead,
  ValueHead,
} from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import type { Box, Discrete } from '../spaces/index.ts';
import { boundedBox, severalActions } from './action-scale.ts';
import type { Condition } from './idle-settings.ts';
import type { AgentPlace, Spaces } from './kind-config.ts';

const count = z.int().positive();

/** Of a policy's network. Defaults are those of ChainerRL's PPO on MuJoCo, after Henderson et al. 2018. */
export const policyOnlyFields = {
  network: z.enum(networkNames).default('auto').describe('body; auto: by the observations'),
  hidden: z.array(count).default([64, 64]).describe('sizes of fully connected layers'),
  activation: z.enum(activationNames).default('tanh').describe('after each of them'),
  weightInit: z.enum(initialWeights).default('orthogonal').describe('initial weights of them, and of the heads'),
  policyGain: z.number().positive().default(0.01).describe("factor of the policy head's weights"),
  policy: z
    .enum(['auto', 'softmax', 'mellowmax', 'gaussian', 'gaussian-parameter', 'gaussian-fixed'])
    .default('auto')
    .describe('gaussian: variance of the state, a parameter, or fixed; auto: softmax, or gaussian-parameter'),
  logStd: z.number().default(0).describe('gaussian-parameter: initial log σ; gaussian-fixed: log σ'),
  boundMean: z.boolean().default(false).describe('gaussian: the mean is brought into the box by tanh'),
  normalizeObservations: z.boolean().default(false).describe('by mean and variance of all before'),
  observationClip: z.number().positive().nullable().default(5).describe('normalized ones are clamped to ±this'),
  actDeterministically: z.boolean().default(true).describe('evaluation takes the likeliest action'),
};

/** With a value function, and perhaps a memory. */
export const networkFields = {
  ...policyOnlyFields,
  sharedBody: z.boolean().default(false).describe('policy and value function have one body instead of one each'),
  memory: z
    .enum(['none', ...cellNames])
    .default('none')
    .describe('recurrent layer after the body'),
  memorySize: count.default(128).describe('its size'),
};

/** Of the optimizer. */
export const optimizerFields = {
  optimizer: z
    .enum(['adam', 'rmsprop'])
    .default('adam')
    .describe('as Chainer has them: eps on the uncorrected √v; inside the root'),
  learningRate: z.number().positive().default(3e-4).describe('of the optimizer'),
  optimizerEps: z.number().nonnegative().default(1e-5).describe('of the optimizer'),
  maxGradNorm: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('gradients are scaled down to this norm; null: not'),
};

export type PolicySettings = z.output<z.ZodObject<typeof policyOnlyFields>>;
export type NetworkSettings = z.output<z.ZodObject<typeof networkFields>>;
export type OptimizerSettings = z.output<z.ZodObject<typeof optimizerFields>>;

const isDiscrete = ({ actionSpace }: Spaces) => actionSpace.kind === 'Discrete';

/** The policy's name. @throws ConfigError for one that does not fit the actions, before anything is made */
export function policyKindOf(place: Spaces, { policy }: PolicySettings) {
  const { actionSpace } = place;
  if (actionSpace.kind !== 'Discrete' && actionSpace.kind !== 'Box')
    throw new ConfigError('wrong-space', `no policy draws from ${actionSpace}`, { remedy: severalActions });
  const kind = policy === 'auto' ? (isDiscrete(place) ? 'softmax' : 'gaussian-parameter') : policy;
  if ((kind === 'softmax' || kind === 'mellowmax') === isDiscrete(place)) return kind;
  throw new ConfigError('bad-setting', `a "${kind}" policy does not draw from ${actionSpace}`, {
    remedy: isDiscrete(place) ? 'Choose auto, softmax or mellowmax.' : 'Choose auto or one of the gaussian policies.',
    fields: { policy: kind },
  });
}

export function makePolicyHead(place: AgentPlace, s: PolicySettings, features: number, rng: Rng): PolicyHead {
  const { actionSpace } = place;
  const kind = policyKindOf(place, s);
  const options = { rng, weightInit: initializerOf(s.weightInit, s.policyGain), biasInit: zerosInit() };
  if (kind === 'softmax') return new SoftmaxHead(features, (actionSpace as Discrete).n, options);
  if (kind === 'mellowmax') return new MellowmaxHead(features, (actionSpace as Discrete).n, options);
  const size = (actionSpace as Box).low.length;
  const bounded = { ...options, ...(s.boundMean && { boundMean: boundedBox('a policy with boundMean', actionSpace) }) };
  if (kind === 'gaussian') return new GaussianHead(features, size, bounded);
  if (kind === 'gaussian-fixed')
    return new FixedGaussianHead(features, size, { ...bounded, variance: Math.exp(2 * s.logStd) });
  return new StateIndependentGaussianHead(features, size, { ...bounded, parameter: 'log-std', init: s.logStd });
}

/** Where settings count that do not always. */
export function policyConditions(spaces: Spaces, s: PolicySettings & Partial<NetworkSettings>): Condition[] {
  const kind = policyKindOf(spaces, s);
  const isConnected = bodyKind(spaces.observationSpace, s.network) === 'mlp';
  return [
    { settings: ['hidden'], holds: isConnected, without: 'network=mlp' },
    { settings: ['activation'], holds: isConnected && s.hidden.length > 0, without: 'fully connected layers' },
    {
      settings: ['logStd'],
      holds: kind === 'gaussian-parameter' || kind === 'gaussian-fixed',
      without: 'policy=gaussian-parameter or gaussian-fixed',
    },
    { settings: ['boundMean'], holds: kind.startsWith('gaussian'), without: 'a gaussian policy' },
    { settings: ['observationClip'], holds: s.normalizeObservations, without: 'normalizeObservations=true' },
    { settings: ['memorySize', 'maxSequenceLength'], holds: s.memory !== 'none', without: 'a memory' },
  ];
}

/** A policy alone. */
export function makePolicy(place: AgentPlace, s: PolicySettings): Policy {
  policyKindOf(place, s);
  const rng = new Rng(deriveSeed(place.seed, 'network'), place.device);
  const { hidden, activation, weightInit } = s;
  const body = makeBody(place.observationSpace, { kind: s.network, hidden, activation, weightInit }, rng);
  return new Policy(body, makePolicyHead(place, s, body.features, rng));
}

export type MadeActorCritic = ActorCritic | RecurrentActorCritic;

/** A policy and a value function for a place. */
export function makeActorCritic(place: AgentPlace, s: NetworkSettings): MadeActorCritic {
  policyKindOf(place, s);
  const rng = new Rng(deriveSeed(place.seed, 'network'), place.device);
  const { hidden, activation, weightInit } = s;
  const body = () => makeBody(place.observationSpace, { kind: s.network, hidden, activation, weightInit }, rng);
  const core = (features: number) =>
    s.memory === 'none' ? undefined : makeCore(s.memory, features, s.memorySize, rng);
  const first = body();
  const memory = core(first.features);
  const features = memory?.features ?? first.features;
  const policy = makePolicyHead(place, s, features, rng);
  const valueBody = s.sharedBody ? undefined : body();
  const valueMemory = valueBody && core(valueBody.features);
  const value = new ValueHead(valueMemory?.features ?? valueBody?.features ?? features, {
    rng,
    weightInit: initializerOf(s.weightInit),
    biasInit: zerosInit(),
  });
  const own = valueBody && { valueBody };
  if (!memory) return new ActorCritic({ body: first, policy, value, ...own });
  return new RecurrentActorCritic({
    body: first,
    core: memory,
    policy,
    value,
    ...own,
    ...(valueMemory && { valueCore: valueMemory }),
  });
}

export function makeOptimizer(parameters: readonly Tensor[], s: OptimizerSettings): Optimizer {
  const { learningRate: lr, optimizerEps: eps } = s;
  return s.optimizer === 'adam'
    ? new Adam(parameters, { lr, eps, epsOn: 'uncorrected' })
    : new RMSprop(parameters, { lr, eps, epsPlacement: 'inside' });
}

/** What every agent with a policy takes. */
export function policyOptions(place: AgentPlace, s: PolicySettings) {
  const { observationSpace, actionSpace, numEnvironments, seed, device } = place;
  const { actDeterministically, observationClip } = s;
  const clip = observationClip ?? undefined;
  const { shape } = new ObservationInput(observationSpace);
  const normalizer = s.normalizeObservations ? new EmpiricalNormalization(shape, { clip, device }) : undefined;
  return { observationSpace, actionSpace, environments: numEnvironments, seed, actDeterministically, normalizer };
}
