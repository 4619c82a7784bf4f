// The loss of proximal policy optimization. Schulman et al. 2017, arXiv 1707.06347.
//
//   ρ = exp(log π(a) − log π_old(a))
//   L = −mean min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) + c_V mean (V − R)² − c_H mean H
//
// A the standardized advantages, R the targets A + V of the value function, H the entropy. There is no ½ before the squares.
import type { Tensor } from '../../torch/index.ts';
import type { PolicyValues } from '../networks/index.ts';

/** Rows to learn from, each [B]. */
export interface PPOBatch {
  actions: Tensor;
  oldLogProbability: Tensor;
  advantages: Tensor;
  oldValues: Tensor;
  /** R */
  targets: Tensor;
}

export interface PPOCoefficients {
  /** ε */
  clip: number;
  /** How far V may move from what it was before its error stops counting; null: as far as it likes. */
  valueClip: number | null;
  /** c_V */
  valueCoefficient: number;
  /** c_H */
  entropyCoefficient: number;
}

export interface PPOLoss {
  loss: Tensor;
  policyLoss: Tensor;
  valueLoss: Tensor;
  entropy: Tensor;
}

/** (V − R)², or with a clip the larger one of it and of what it would be had V stayed within ±clip of the old one. */
function valueErrors(values: Tensor, { oldValues, targets }: PPOBatch, clip: number | null): Tensor {
  const errors = values.sub(targets).square();
  if (clip === null) return errors;
  const near = oldValues.add(values.sub(oldValues).clamp(-clip, clip));
  return errors.maximum(near.sub(targets).square());
}

export function ppoLoss(
  { distribution, values }: PolicyValues,
  batch: PPOBatch,
  coefficients: PPOCoefficients,
): PPOLoss {
  const { clip, valueClip, valueCoefficient, entropyCoefficient } = coefficients;
  const { advantages } = batch;
  const ratio = distribution.logProbability(batch.actions).sub(batch.oldLogProbability).exp();
  const surrogate = ratio.mul(advantages).minimum(ratio.clamp(1 - clip, 1 + clip).mul(advantages));
  const policyLoss = surrogate.mean().neg();
  const valueLoss = valueErrors(values, batch, valueClip).mean();
  const entropy = distribution.entropy().mean();
  const loss = policyLoss.add(valueLoss.mul(valueCoefficient)).sub(entropy.mul(entropyCoefficient));
  return { loss, policyLoss, valueLoss, entropy };
}
