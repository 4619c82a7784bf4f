// Odds ratio preference optimization, without a reference: −log σ(log odds(y_w|x) − log odds(y_l|x)), odds = p/(1 − p), p the geometric
// mean of an answer's token probabilities. It is added, times λ, to the cross-entropy of the chosen answer. Hong, Lee, Thorne 2024,
// arXiv 2403.07691, equations 4 to 7.
import { checkOptions } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { type Logprobs, type LossReduction, logprobTensors, reduced } from './preference-loss.ts';

const names = ['policyChosen', 'policyRejected'] as const;

/** log(p/(1 − p)) of log p < 0. Where p rounds to 1 it is that of the largest number below. */
function logOdds(logprob: Tensor): Tensor {
  const largest = logprob.dtype === 'float64' ? -1e-15 : -1e-7;
  const below = logprob.clamp(null, largest);
  return below.sub(below.expm1().neg().log());
}

/** ORPO's odds-ratio term of N pairs, from means of log-probabilities over the tokens of each answer. */
export function orpoLoss(policyChosen: Logprobs, policyRejected: Logprobs, options: LossReduction = {}): Tensor {
  checkOptions('orpoLoss', options, { reduction: true });
  const [chosen, rejected] = logprobTensors('orpoLoss', names, [policyChosen, policyRejected]);
  return reduced(logOdds(chosen).sub(logOdds(rejected)).logSigmoid().neg(), options);
}
