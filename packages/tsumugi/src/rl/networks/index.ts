export {
  type ActorQModule,
  type ActorQValues,
  DiscreteActorQ,
  type DiscreteActorQParts,
  DuelingActorQ,
  type DuelingActorQParts,
} from './acer-networks.ts';
export { ActorCritic, type ActorCriticModule, type ActorCriticParts, type PolicyValues } from './actor-critic.ts';
export { type Body, scaled } from './body.ts';
export { BoundByTanh } from './bound-by-tanh.ts';
export { Critic, TwinCritics } from './critic.ts';
export { DeterministicHead, type DeterministicHeadOptions } from './deterministic-head.ts';
export { EmpiricalNormalization, type EmpiricalNormalizationOptions } from './empirical-normalization.ts';
export {
  type Covariance,
  FixedGaussianHead,
  type FixedGaussianHeadOptions,
  GaussianHead,
  type GaussianHeadOptions,
  SquashedGaussianHead,
  type SquashedGaussianHeadOptions,
  StateIndependentGaussianHead,
  type StateIndependentGaussianHeadOptions,
} from './gaussian-heads.ts';
export type { HeadOptions } from './head-options.ts';
export {
  type Atoms,
  DiscreteHead,
  DistributionalDuelingHead,
  DistributionalHead,
  DuelingHead,
  type Head,
  QuadraticHead,
} from './heads.ts';
export { type InitialWeights, initializerOf, initialWeights } from './initial.ts';
export { type BodySettings, bodyKind, makeBody, networkNames } from './make-body.ts';
export { type ActivationName, activationNames, MLP, type MLPOptions } from './mlp.ts';
export { FactorizedNoisyLinear, toFactorizedNoisy } from './noisy-linear.ts';
export { NatureBody, NIPSBody, type PixelOptions } from './pixels.ts';
export { Policy } from './policy.ts';
export type { PolicyHead } from './policy-head.ts';
export {
  isRecurrent,
  type QFunction,
  QNetwork,
  type RecurrentQFunction,
  RecurrentQNetwork,
} from './q-network.ts';
export { QuantileFunction, QuantileHead } from './quantile-head.ts';
export { type CellName, cellNames, makeCore, RecurrentCore, type Unrolled } from './recurrent.ts';
export {
  type RecurrentActorQModule,
  type RecurrentActorQParts,
  RecurrentDiscreteActorQ,
  RecurrentDuelingActorQ,
} from './recurrent-acer-networks.ts';
export {
  type Core,
  isRecurrentModel,
  RecurrentActorCritic,
  type RecurrentActorCriticModule,
  type RecurrentParts,
  type RecurrentPolicyModule,
  type RecurrentPolicyValues,
  type UnrolledPolicy,
} from './recurrent-actor-critic.ts';
export { RecurrentCritic, type RecurrentCriticParts } from './recurrent-critic.ts';
export { RecurrentPolicy } from './recurrent-policy.ts';
export { MellowmaxHead, type MellowmaxHeadOptions, SoftmaxHead, type SoftmaxHeadOptions } from './softmax-head.ts';
export { ValueHead } from './value-head.ts';
