// Identity preference optimization: (Δ_π − Δ_ref − 1/(2τ))². Azar et al. 2023, arXiv 2310.12036, equation 17; τ is called β here, as in the
// other losses. Their log-probabilities are those of whole answers; the mean over tokens, as TRL takes it, is `lengthNormalize`.
import { checkNumber, checkOptions, type OptionNames } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { type Logprobs, type LossReduction, logprobTensors, reduced } from './preference-loss.ts';

export interface IpoLossOptions extends LossReduction {
  /** τ > 0: the larger, the nearer to the reference. */
  beta: number;
}

const known: OptionNames<IpoLossOptions> = { beta: true, reduction: true };
const names = ['policyChosen', 'policyRejected', 'referenceChosen', 'referenceRejected'] as const;

/** IPO's loss of N pairs. @throws UserError for β that is not above 0 */
export function ipoLoss(
  policyChosen: Logprobs,
  policyRejected: Logprobs,
  referenceChosen: Logprobs,
  referenceRejected: Logprobs,
  options: IpoLossOptions,
): Tensor {
  checkOptions('ipoLoss', options, known);
  const beta = checkNumber('ipoLoss', 'beta', options.beta, { above: 0 });
  const [chosen, rejected, referenceWon, referenceLost] = logprobTensors('ipoLoss', names, [
    policyChosen,
    policyRejected,
    referenceChosen,
    referenceRejected,
  ]);
  const difference = chosen.sub(rejected).sub(referenceWon.sub(referenceLost));
  return reduced(difference.sub(1 / (2 * beta)).square(), options);
}
