export { ActorCritic, type ActorCriticModule, type ActorCriticParts, type PolicyValues } from './actor-critic.ts';
export { BoundByTanh } from './bound-by-tanh.ts';
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
export type { PolicyHead } from './policy-head.ts';
export { MellowmaxHead, type MellowmaxHeadOptions, SoftmaxHead, type SoftmaxHeadOptions } from './softmax-head.ts';
export { ValueHead } from './value-head.ts';
