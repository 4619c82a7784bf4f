// The loss of proximal policy optimization. Schulman et al. 2017, arXiv 1707.06347.
//
//   ρ = exp(log π(a) − log π_old(a))
//   L = −mean min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) + c_V mean (V − R)² − c_H mean H
//
// A the standardized advantages, R the targets A + V of the value function, H the entropy. There is no ½ before the squares.
import { mseLoss, type Tensor } from '../../torch/index.ts';
import type { PolicyValues } from '../networks/index.ts';
import { clippedSurrogate } from './clipped-surrogate.ts';

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

/** Mean (V − R)², or with a clip of the larger one of it and of what it would be had V stayed within ±clip of the old one. */
function meanValueError(values: Tensor, { oldValues, targets }: PPOBatch, clip: number | null): Tensor {
  if (clip === null) return mseLoss(values, targets);
  const near = oldValues.add(values.sub(oldValues).clamp(-clip, clip));
  return values.sub(targets).square().maximum(near.sub(targets).square()).mean();
}

export function ppoLoss(
  { distribution, values }: PolicyValues,
  batch: PPOBatch,
  coefficients: PPOCoefficients,
): PPOLoss {
  const { clip, valueClip, valueCoefficient, entropyCoefficient } = coefficients;
  const { actions, oldLogProbability, advantages } = batch;
  const logProbability = distribution.logProbability(actions);
  const policyLoss = clippedSurrogate(logProbability, oldLogProbability, advantages, clip).neg();
  const valueLoss = meanValueError(values, batch, valueClip);
  const entropy = distribution.entropy().mean();
  const loss = policyLoss.add(valueLoss.mul(valueCoefficient)).sub(entropy.mul(entropyCoefficient));
  return { loss, policyLoss, valueLoss, entropy };
}
