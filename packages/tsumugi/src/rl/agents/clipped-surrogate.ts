// What PPO's policy climbs (Schulman et al. 2017, equation 7), in one call.
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::clipped_surrogate');

/**
 * mean min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) with ρ = exp(log π(a) − log π_old(a)). It can be differentiated twice.
 *
 * @param logProbability log π(a) [B]
 * @param old log π_old(a) [B]
 * @param advantages A [B]
 * @param clip ε
 * @returns a scalar
 */
export function clippedSurrogate(logProbability: Tensor, old: Tensor, advantages: Tensor, clip: number): Tensor {
  return logProbability.numel() > 0 && kernelTakes('tsumugi::clipped_surrogate', logProbability, old, advantages)
    ? kernel(logProbability, old, advantages, clip)
    : clippedSurrogatePlain(logProbability, old, advantages, clip);
}

/** The plain twin: any device and dtype. */
export function clippedSurrogatePlain(logProbability: Tensor, old: Tensor, advantages: Tensor, clip: number): Tensor {
  const ratio = logProbability.sub(old).exp();
  return ratio
    .mul(advantages)
    .minimum(ratio.clamp(1 - clip, 1 + clip).mul(advantages))
    .mean();
}
