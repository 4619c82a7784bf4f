// What a policy gives for a batch of observations: a distribution of actions for each.
//
//   …   the batch, of any dimensions   A   numbers of an action, or actions to choose from
import type { Rng, Tensor } from '../../torch/index.ts';

/**
 * A distribution of actions for every entry of a batch. Its tensors belong to the scope that it was made in, and it remembers
 * nothing besides.
 */
export interface Distribution {
  /** Numbers of a `Discrete` space (from 0), or points of a `Box`. */
  readonly kind: 'discrete' | 'continuous';
  /** What it follows from, each [..., A]: gradients, averages and trust regions of policies are taken of these. */
  readonly parameters: readonly Tensor[];
  /** Of the same kind and settings, from other parameters. */
  withParameters(parameters: readonly Tensor[]): Distribution;
  /** Drawn from a stream: int64 [...] or float32 [..., A]. Of continuous ones the gradient reaches the parameters. */
  sample(rng: Rng): Tensor;
  /** The likeliest action; of continuous ones where the density before squashing is highest. */
  mode(): Tensor;
  /** log π(a) [...] of actions as `sample` gives them: of a density for continuous ones, summed over the dimensions. */
  logProbability(actions: Tensor): Tensor;
  /** −∫ π log π [...]. @throws UserError `no-closed-form` where there is none */
  entropy(): Tensor;
  /** ∫ π log(π / other) [...]: how far the other one, of the same kind, is from this one. */
  kl(other: Distribution): Tensor;
}

/** The same numbers, through which no gradient goes. */
export const detached = <D extends Distribution>(distribution: D): D =>
  distribution.withParameters(distribution.parameters.map((each) => each.detach())) as D;
