// Direct preference optimization, with the entropy control of H-DPO, and the variants that trust the labels less.
//
//   Δ_π = log π(y_w|x) − log π(y_l|x)     Δ_ref = log π_ref(y_w|x) − log π_ref(y_l|x)
//   h   = β(α·Δ_π − Δ_ref)                L = −log σ(h)
//
// α = 1 is DPO: Rafailov et al. 2023, arXiv 2305.18290, equation 7. H-DPO: Omura, Fujita, Kataoka 2024, arXiv 2411.07595: the optimum
// is π_ref^{1/α}·exp(r/(αβ))/Z, so α < 1 sharpens the policy and α > 1 spreads it.
// Conservative DPO (Mitchell 2023, "A note on DPO with noisy preferences"): labels are wrong with probability ε,
//   L = −(1 − ε) log σ(h) − ε log σ(−h)
// Robust DPO (Ray Chowdhury et al. 2024, arXiv 2403.00409, equation 10) is without bias under such labels:
//   L = (−(1 − ε) log σ(h) + ε log σ(−h)) / (1 − 2ε)
import { checkChoice, checkNumber, checkOptions, type OptionNames } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { type Logprobs, type LossReduction, logprobTensors, reduced } from './preference-loss.ts';

export interface DpoLossOptions extends LossReduction {
  /** β > 0: how much the policy is held to the reference. */
  beta: number;
  /** ε in [0, 0.5): how often a label is taken to be wrong. 0 when left out. */
  labelSmoothing?: number | undefined;
  /** What ε does; conservative when left out. */
  smoothing?: 'conservative' | 'robust' | undefined;
}

export interface HdpoLossOptions extends DpoLossOptions {
  /** α > 0: the weight of the policy's entropy; 1 is DPO. */
  alpha: number;
}

const dpoOptions: OptionNames<DpoLossOptions> = { beta: true, labelSmoothing: true, smoothing: true, reduction: true };
const hdpoOptions: OptionNames<HdpoLossOptions> = { ...dpoOptions, alpha: true };
const names = ['policyChosen', 'policyRejected', 'referenceChosen', 'referenceRejected'] as const;

/**
 * H-DPO's loss of N pairs, from sums of log-probabilities.
 *
 * @throws UserError for α or β that are not above 0, ShapeError for log-probabilities of different numbers of answers
 *
 * @example
 * ```ts
 * const loss = hdpoLoss([-4], [-6], [-5], [-5], { alpha: 0.9, beta: 0.5 });
 * console.log(loss.item().toFixed(4)); // prints 0.3412
 * ```
 */
export function hdpoLoss(
  policyChosen: Logprobs,
  policyRejected: Logprobs,
  referenceChosen: Logprobs,
  referenceRejected: Logprobs,
  options: HdpoLossOptions,
): Tensor {
  checkOptions('hdpoLoss', options, hdpoOptions);
  const alpha = checkNumber('hdpoLoss', 'alpha', options.alpha, { above: 0 });
  return smoothed('hdpoLoss', [policyChosen, policyRejected, referenceChosen, referenceRejected], alpha, options);
}

/** DPO's loss of N pairs, from sums of log-probabilities: H-DPO's where α is 1. */
export function dpoLoss(
  policyChosen: Logprobs,
  policyRejected: Logprobs,
  referenceChosen: Logprobs,
  referenceRejected: Logprobs,
  options: DpoLossOptions,
): Tensor {
  checkOptions('dpoLoss', options, dpoOptions);
  return smoothed('dpoLoss', [policyChosen, policyRejected, referenceChosen, referenceRejected], 1, options);
}

function smoothed(owner: string, values: readonly Logprobs[], alpha: number, options: DpoLossOptions): Tensor {
  const { labelSmoothing: epsilon = 0, smoothing = 'conservative' } = options;
  const beta = checkNumber(owner, 'beta', options.beta, { above: 0 });
  checkNumber(owner, 'labelSmoothing', epsilon, { min: 0, below: 0.5 });
  checkChoice(owner, 'smoothing', smoothing, ['conservative', 'robust']);
  const [chosen, rejected, referenceChosen, referenceRejected] = logprobTensors(owner, names, values);
  const policy = chosen.sub(rejected); // Δ_π
  const reference = referenceChosen.sub(referenceRejected); // Δ_ref
  const h = (alpha === 1 ? policy : policy.mul(alpha)).sub(reference).mul(beta);
  const right = h.logSigmoid().neg();
  if (epsilon === 0) return reduced(right, options);
  const wrong = h.neg().logSigmoid().neg();
  const mixed =
    smoothing === 'robust'
      ? right
          .mul(1 - epsilon)
          .sub(wrong.mul(epsilon))
          .div(1 - 2 * epsilon)
      : right.mul(1 - epsilon).add(wrong.mul(epsilon));
  return reduced(mixed, options);
}

/** The reward that a policy implies up to a constant of the prompt: β(α·log π(y|x) − log π_ref(y|x)). */
export const impliedReward = (
  policy: Tensor,
  reference: Tensor,
  { alpha, beta }: { alpha: number; beta: number },
): Tensor => policy.mul(alpha).sub(reference).mul(beta);
