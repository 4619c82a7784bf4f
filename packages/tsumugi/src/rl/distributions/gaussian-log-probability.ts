// log N(a; μ, σ²) in one call: small batches spend their time between operators.
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::gaussian_log_probability');
const LOG_TWO_PI = Math.log(2 * Math.PI);

/**
 * −½ Σ (log 2π + log σ² + (a − μ)²/σ²) over the last dimension. It can be differentiated twice.
 *
 * @param actions [..., A]
 * @param mean [..., A]
 * @param variance [..., A]
 * @returns [...]
 */
export function gaussianLogProbability(actions: Tensor, mean: Tensor, variance: Tensor): Tensor {
  const shape = mean.shape.join();
  const isAlike = mean.ndim > 0 && actions.shape.join() === shape && variance.shape.join() === shape;
  return isAlike && kernelTakes('tsumugi::gaussian_log_probability', actions, mean, variance)
    ? kernel(actions, mean, variance)
    : gaussianLogProbabilityPlain(actions, mean, variance);
}

/** The plain twin: any device, dtype and shapes that broadcast. */
export function gaussianLogProbabilityPlain(actions: Tensor, mean: Tensor, variance: Tensor): Tensor {
  const squares = actions.sub(mean).square().div(variance);
  return variance.log().add(squares).add(LOG_TWO_PI).sum(-1).mul(-0.5);
}
