// Kahneman-Tversky optimization, of single answers that were liked or not. Ethayarajh et al. 2024, arXiv 2402.01306, equation 8:
//
//   r = log π(y|x) − log π_ref(y|x)     z₀ = max(0, mean of r over answers to other prompts): the KL to the reference, without gradient
//   L = λ_D (1 − σ(β(r − z₀))) for a desirable answer, λ_U (1 − σ(β(z₀ − r))) for an undesirable one
import { checkNumber, checkOptions, type OptionNames, UserError } from '../../base/index.ts';
import { noGrad, type Tensor, tensor, where } from '../../torch/index.ts';
import { type Logprobs, type LossReduction, logprobTensors, reduced } from './preference-loss.ts';

export interface KtoLossOptions extends LossReduction {
  /** β > 0 */
  beta: number;
  /** λ_D, λ_U ≥ 0; 1 when left out. */
  desirableWeight?: number | undefined;
  undesirableWeight?: number | undefined;
}

const known: OptionNames<KtoLossOptions> = {
  beta: true,
  desirableWeight: true,
  undesirableWeight: true,
  reduction: true,
};

/**
 * KTO's loss of N answers.
 *
 * @param desirable of each answer
 * @param mismatched log-ratios [M] log π(y'|x) − log π_ref(y'|x) of answers that belong to other prompts; none is a z₀ of 0
 */
export function ktoLoss(
  policy: Logprobs,
  reference: Logprobs,
  desirable: readonly boolean[],
  mismatched: Logprobs,
  options: KtoLossOptions,
): Tensor {
  checkOptions('ktoLoss', options, known);
  const beta = checkNumber('ktoLoss', 'beta', options.beta, { above: 0 });
  const { desirableWeight = 1, undesirableWeight = 1 } = options;
  checkNumber('ktoLoss', 'desirableWeight', desirableWeight, { min: 0 });
  checkNumber('ktoLoss', 'undesirableWeight', undesirableWeight, { min: 0 });
  const [pi, ref] = logprobTensors('ktoLoss', ['policy', 'reference'] as const, [policy, reference]);
  const [others] = logprobTensors('ktoLoss', ['mismatched'] as const, [mismatched]);
  if (desirable.length !== pi.numel())
    throw new UserError('bad-argument', `ktoLoss: ${desirable.length} labels came for ${pi.numel()} answers`);
  const anchor = noGrad(() => (others.numel() === 0 ? others.sum() : others.detach().mean().clamp(0))); // z₀
  const lead = pi.sub(ref).sub(anchor).mul(beta);
  const liked = tensor(desirable as boolean[], { device: pi.device });
  const losses = where(
    liked,
    lead.neg().sigmoid().mul(desirableWeight), // 1 − σ(x) = σ(−x)
    lead.sigmoid().mul(undesirableWeight),
  );
  return reduced(losses, options);
}
