// Simple preference optimization, without a reference: −log σ(β(log π(y_w|x)/|y_w| − log π(y_l|x)/|y_l|) − γ). Meng et al. 2024,
// arXiv 2405.14734, equation 6.
import { checkNumber, checkOptions, type OptionNames } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { type Logprobs, type LossReduction, logprobTensors, reduced } from './preference-loss.ts';

export interface SimpoLossOptions extends LossReduction {
  /** β > 0 */
  beta: number;
  /** γ ≥ 0: by how much the chosen answer is to lead. */
  gamma: number;
}

const known: OptionNames<SimpoLossOptions> = { beta: true, gamma: true, reduction: true };
const names = ['policyChosen', 'policyRejected'] as const;

/** SimPO's loss of N pairs, from means of log-probabilities over the tokens of each answer. */
export function simpoLoss(policyChosen: Logprobs, policyRejected: Logprobs, options: SimpoLossOptions): Tensor {
  checkOptions('simpoLoss', options, known);
  const beta = checkNumber('simpoLoss', 'beta', options.beta, { above: 0 });
  const gamma = checkNumber('simpoLoss', 'gamma', options.gamma, { min: 0 });
  const [chosen, rejected] = logprobTensors('simpoLoss', names, [policyChosen, policyRejected]);
  return reduced(chosen.sub(rejected).mul(beta).sub(gamma).logSigmoid().neg(), options);
}
