// Divergences between a teacher's and a student's distribution over the outcomes of a token, from log-probabilities: their
// values, and how they rise with the student's. Written so that equal distributions give exactly 0.
//
//   p teacher   q student   C outcomes: all tokens, or the teacher's k likeliest and the rest as one   d = log p − log q
import { full, type Tensor } from '../../torch/index.ts';

export type Divergence = 'forward' | 'reverse' | 'jensen-shannon';
export const divergences = ['forward', 'reverse', 'jensen-shannon'] as const satisfies Divergence[];

/** Weight of the teacher in the mixture of Jensen–Shannon: our choice, the symmetric case. */
export const DEFAULT_BETA = 0.5;

/**
 * log(m/q) of the mixture m = β p + (1 − β) q: log(β eᵈ + 1 − β), in a form that neither overflows nor loses d near 0.
 */
function mixtureOverStudent(d: Tensor, beta: number): Tensor {
  const isAbove = d.gt(0).to(d.dtype);
  const shares = isAbove.mul(1 - 2 * beta).add(beta); // 1 − β where p > q, else β
  return d.relu().add(d.abs().neg().expm1().mul(shares).log1p());
}

/**
 * Forward KL Σ p·d (Hinton et al. 2015, arXiv 1503.02531), reverse KL −Σ q·d (Gu et al. 2023, arXiv 2306.08543), or the generalized
 * Jensen–Shannon divergence β KL(p‖m) + (1 − β) KL(q‖m) with m = β p + (1 − β) q (Agarwal et al. 2023, arXiv 2306.13649).
 *
 * @param teacher log p [n, C]
 * @param student log q [n, C]
 * @returns [n]
 */
export function divergence(kind: Divergence, teacher: Tensor, student: Tensor, beta: number): Tensor {
  const d = teacher.sub(student);
  if (kind === 'forward') return teacher.exp().mul(d).sum([-1]);
  if (kind === 'reverse') return student.exp().mul(d).sum([-1]).neg();
  const r = mixtureOverStudent(d, beta);
  const ofTeacher = teacher.exp().mul(d.sub(r)).mul(beta);
  const ofStudent = student
    .exp()
    .mul(r)
    .mul(beta - 1);
  return ofTeacher.add(ofStudent).sum([-1]);
}

/**
 * ∂D/∂log q [n, C] up to a multiple of q, which a softmax takes away again, and its sum over the outcomes [n, 1].
 *
 * With g of these, the gradient with respect to the student's logits (over T) is g − q·Σg.
 */
export function divergenceSlope(
  kind: Divergence,
  teacher: Tensor,
  student: Tensor,
  beta: number,
): { slope: Tensor; total: Tensor } {
  if (kind === 'forward') {
    // Σ p is 1, which a sum in f32 would miss by a rounding.
    const { dtype, device } = teacher;
    return { slope: teacher.exp().mul_(-1), total: full([teacher.size(0), 1], -1, { dtype, device }) };
  }
  const d = teacher.sub(student);
  const slope =
    kind === 'reverse'
      ? student.exp().mul_(d).mul_(-1)
      : student
          .exp()
          .mul_(mixtureOverStudent(d, beta))
          .mul_(beta - 1);
  return { slope, total: slope.sum([-1], true) };
}
