export { Categorical } from './categorical.ts';
export { Deterministic } from './deterministic.ts';
export { type Distribution, detached } from './distribution.ts';
export { Gaussian } from './gaussian.ts';
export { Mellowmax, mellowmax, mellowmaxBeta } from './mellowmax.ts';
export { SquashedGaussian } from './squashed-gaussian.ts';
