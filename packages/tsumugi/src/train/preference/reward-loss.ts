// A reward model's loss over pairs (Bradley & Terry 1952; Ouyang et al. 2022, arXiv 2203.02155, equation 1):
//
//   L = −log σ(r_w − r_l − m) + c·(r_w + r_l)²
//
// m is by how much the chosen answer should be better (Touvron et al. 2023, arXiv 2307.09288, equation 2), 0 where nobody said. c holds
// the rewards of a pair around 0, which the first term leaves open (Eisenstein et al. 2023, arXiv 2312.09244).
import { checkNumber, checkOptions, type OptionNames } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { type Logprobs, type LossReduction, logprobTensors, reduced } from './preference-loss.ts';

export interface RewardLossOptions extends LossReduction {
  /** m of each pair: [N], at least 0; 0 when left out. */
  margins?: Logprobs | undefined;
  /** c ≥ 0; 0 when left out. */
  centering?: number | undefined;
}

const known: OptionNames<RewardLossOptions> = { margins: true, centering: true, reduction: true };

/**
 * The loss of N pairs, from the rewards of their answers.
 *
 * @example
 * ```ts
 * console.log(rewardLoss([2], [0.5]).item().toFixed(4)); // prints 0.2014
 * ```
 */
export function rewardLoss(chosen: Logprobs, rejected: Logprobs, options: RewardLossOptions = {}): Tensor {
  checkOptions('rewardLoss', options, known);
  const centering = checkNumber('rewardLoss', 'centering', options.centering ?? 0, { min: 0 });
  const { margins } = options;
  const [w, l] = logprobTensors('rewardLoss', ['chosen', 'rejected'] as const, [chosen, rejected]);
  const [, m] = margins ? logprobTensors('rewardLoss', ['chosen', 'margins'] as const, [chosen, margins]) : [];
  const lead = w.sub(l);
  const losses = (m ? lead.sub(m) : lead).logSigmoid().neg();
  return reduced(centering === 0 ? losses : losses.add(w.add(l).square().mul(centering)), options);
}
