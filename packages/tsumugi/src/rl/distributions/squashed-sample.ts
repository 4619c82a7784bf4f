// A draw of a squashed normal distribution and its log-probability, in one call: small batches spend their time between operators.
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';
import { gaussianLogProbabilityPlain } from './gaussian-log-probability.ts';

const kernel = customOperator<[Tensor, Tensor]>('tsumugi::squashed_gaussian_sample');

export interface SquashedSample {
  /** a [..., A], in [−1, 1] */
  actions: Tensor;
  /** log π(a) [...] */
  logProbability: Tensor;
}

/** Σ log(1 − tanh²x) = Σ 2(log 2 − x − softplus(−2x)), which stays finite where 1 − tanh²x is 0 in floating point. */
export const logDeterminant = (x: Tensor): Tensor => x.add(x.mul(-2).softplus()).neg().add(Math.LN2).mul(2).sum(-1);

/**
 * a = tanh(x) with x = μ + σε, and log π(a) = log N(x; μ, σ²) − Σ log(1 − tanh²x). It can be differentiated twice.
 *
 * @param mean μ [..., A]
 * @param variance σ² [..., A]
 * @param noise ε [..., A], drawn from N(0, I)
 */
export function squashedSample(mean: Tensor, variance: Tensor, noise: Tensor): SquashedSample {
  const shape = mean.shape.join();
  const isAlike = mean.ndim > 0 && variance.shape.join() === shape && noise.shape.join() === shape;
  if (!isAlike || !kernelTakes('tsumugi::squashed_gaussian_sample', mean, variance, noise))
    return squashedSamplePlain(mean, variance, noise);
  const [actions, logProbability] = kernel(mean, variance, noise);
  return { actions, logProbability };
}

/** The plain twin: any device, dtype and shapes that broadcast. */
export function squashedSamplePlain(mean: Tensor, variance: Tensor, noise: Tensor): SquashedSample {
  const x = mean.add(variance.sqrt().mul(noise));
  return { actions: x.tanh(), logProbability: gaussianLogProbabilityPlain(x, mean, variance).sub(logDeterminant(x)) };
}
