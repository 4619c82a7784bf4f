// The loss of GRPO over sampled answers o_i with advantages Â_i (Shao et al. 2024, arXiv 2402.03300, equations 3 and 4):
//
//   ρ = π(o_t) / π_old(o_t)                       of each token, given those before it
//   L_t = −min(ρ Â, clip(ρ, 1 − ε, 1 + ε) Â) + β (π_ref/π − log(π_ref/π) − 1)
//   L = mean over the answers of (1/|o_i|) Σ_t L_t
//
// The last term of L_t is an estimate of the KL to the reference that is never negative and without bias (Schulman's k3). Other means over
// the tokens: over all of them alike ("token"; Yu et al. 2025, arXiv 2503.14476, equation 8), or (1/maxTokens) Σ_t ("constant"; Dr. GRPO,
// Liu et al. 2025, arXiv 2503.20783), which both leave out that long wrong answers are pushed away less for each token than short ones.
import { checkChoice, checkNumber, checkOptions, invariant, type OptionNames, UserError } from '../../base/index.ts';
import { type Tensor, tensor } from '../../torch/index.ts';
import { type Logprobs, logprobTensors } from '../preference/preference-loss.ts';

export const averages = ['answer', 'token', 'constant'] as const;
export type Average = (typeof averages)[number];

/** Of N answers. */
export interface AnswerLengths {
  /** Tokens of each. */
  lengths: readonly number[];
  average: Average;
  /** Of an answer at most: what `constant` divides by. */
  maxTokens: number;
}

/** What each token of each answer counts, so that the sum over all tokens is the mean. */
export function tokenWeights({ lengths, average, maxTokens }: AnswerLengths): number[] {
  const N = lengths.length;
  const total = lengths.reduce((a, b) => a + b, 0);
  return lengths.map((length) => {
    if (average === 'token') return 1 / total;
    return 1 / (N * (average === 'answer' ? length : maxTokens));
  });
}

export interface TokenLossOptions {
  clip: number;
  beta: number;
}

export interface TokenLosses {
  losses: Tensor;
  /** k3; undefined without a reference. */
  kl: Tensor | undefined;
  /** Whether clipping takes the gradient of a token away. */
  clipped: Tensor;
}

/** L_t of n tokens, all tensors [n]; old, reference and advantages have no gradient. */
export function tokenLosses(
  policy: Tensor,
  old: Tensor,
  reference: Tensor | undefined,
  advantages: Tensor,
  { clip, beta }: TokenLossOptions,
): TokenLosses {
  const ratio = policy.sub(old).exp();
  const plain = ratio.mul(advantages);
  const bounded = ratio.clamp(1 - clip, 1 + clip).mul(advantages);
  const gain = plain.minimum(bounded);
  const clipped = bounded.detach().lt(plain.detach());
  if (!reference) return { losses: gain.neg(), kl: undefined, clipped };
  const lead = reference.sub(policy); // log(π_ref/π)
  const kl = lead.exp().sub(lead).sub(1);
  return { losses: kl.mul(beta).sub(gain), kl, clipped };
}

export interface GrpoLossOptions {
  /** ε > 0 */
  clip: number;
  /** β ≥ 0 of the KL to the reference; 0 when left out. */
  beta?: number | undefined;
  /** Log-probabilities of the reference: [n] */
  reference?: Logprobs | undefined;
  /** answer when left out. */
  average?: Average | undefined;
  /** With average `constant`. */
  maxTokens?: number | undefined;
}

const known: OptionNames<GrpoLossOptions> = { clip: true, beta: true, reference: true, average: true, maxTokens: true };

/**
 * GRPO's loss of N answers of n tokens in all, which stand one after the other.
 *
 * @param policy log-probabilities of the tokens: [n]
 * @param old those of the policy that sampled them: [n]
 * @param lengths tokens of each answer: N
 * @param advantages of the answers: N
 *
 * @example
 * ```ts
 * const loss = grpoLoss([-1, -2, -1], [-1, -2, -1.5], [2, 1], [0.5, -1], { clip: 0.2 });
 * console.log(loss.item().toFixed(4)); // prints 0.5744
 * ```
 */
export function grpoLoss(
  policy: Logprobs,
  old: Logprobs,
  lengths: readonly number[],
  advantages: readonly number[],
  options: GrpoLossOptions,
): Tensor {
  checkOptions('grpoLoss', options, known);
  const { average = 'answer', reference } = options;
  const clip = checkNumber('grpoLoss', 'clip', options.clip, { above: 0 });
  const beta = checkNumber('grpoLoss', 'beta', options.beta ?? 0, { min: 0 });
  checkChoice('grpoLoss', 'average', average, averages);
  const [pi, before] = logprobTensors('grpoLoss', ['policy', 'old'] as const, [policy, old]);
  const [, ref] = reference ? logprobTensors('grpoLoss', ['policy', 'reference'] as const, [policy, reference]) : [];
  const total = lengths.reduce((a, b) => a + b, 0);
  if (total !== pi.numel() || lengths.length !== advantages.length)
    throw new UserError(
      'bad-argument',
      `grpoLoss: ${lengths.length} answers of ${total} tokens and ${advantages.length} advantages came with ${pi.numel()} log-probabilities`,
      { remedy: 'Give a length and an advantage for each answer, and a log-probability for each token.' },
    );
  if (average === 'constant' && options.maxTokens === undefined)
    throw new UserError('bad-argument', 'grpoLoss: average "constant" needs maxTokens, what it divides by');
  const weights = tokenWeights({ lengths, average, maxTokens: options.maxTokens ?? 1 });
  const perToken = (values: readonly number[]) =>
    tensor(
      lengths.flatMap((length, i) => new Array<number>(length).fill(values[i]!)),
      { dtype: 'float64', device: pi.device },
    ).to(pi.dtype);
  const { losses } = tokenLosses(pi, before, ref, perToken(advantages), { clip, beta });
  invariant(losses.numel() === total, 'a loss for each token');
  return losses.mul(perToken(weights)).sum();
}
