// The loss of ACER: actor-critic with experience replay. Wang et al. 2017, arXiv 1611.01224.
//
//   μ the policy that acted   ρ = π(a) / μ(a)   ρ_b = π(b) / μ(b) of any action b   c threshold of truncation   δ trust region
//
// Backwards over a segment, from Q_ret = Q_opc = V of what follows (0 where nothing does):
//
//   Q_ret ← r + γ Q_ret,  Q_opc ← r + γ Q_opc;      A = Q_ret − V, or Q_opc − V
//   policy   −min(c, ρ) log π(a) A  −  Σ_b max(0, 1 − c/ρ_b) π(b) log π(b) (Q(b) − V)     all b, or one drawn from π if continuous
//   values   ½ (Q_ret − Q(a))², and if continuous ½ (V_target − V)², V_target = min(1, ρ)(Q_ret − Q(a)) + V
//   Q_ret ← c̄ (Q_ret − Q(a)) + V,  c̄ = min(1, ρ), or min(1, ρ^{1/dimensions}) if continuous;   Q_opc ← Q_opc − Q(a) + V
//
// The policy's gradient is taken with respect to the distribution's parameters p, and what of it leads away from the averaged policy π̄
// is bounded: z = g − max(0, (kᵀg − δ)/‖k‖²) k, with g the gradient of the loss and k that of −KL(π̄ ‖ π); the loss is then Σ z p − β H.
import { grad, type Tensor } from '../../torch/index.ts';
import type { Categorical, Distribution } from '../distributions/index.ts';

/** What a segment's steps are in plain numbers, [L] each. */
export interface RetraceRows {
  rewards: readonly number[];
  /** Q(a) */
  q: ArrayLike<number>;
  /** V */
  v: ArrayLike<number>;
  /** ρ */
  ratios: ArrayLike<number>;
  /** V of what follows the last step; 0 where nothing does. */
  after: number;
  gamma: number;
  /** Numbers of a continuous action; undefined for discrete ones. */
  dimensions: number | undefined;
}

/** Q_ret and Q_opc of every step, as they are when it learns. */
export function retrace({ rewards, q, v, ratios, after, gamma, dimensions }: RetraceRows) {
  const steps = rewards.length;
  const [ret, opc] = [new Float64Array(steps), new Float64Array(steps)];
  let [qRet, qOpc] = [after, after];
  for (let t = steps - 1; t >= 0; t--) {
    qRet = rewards[t]! + gamma * qRet;
    qOpc = rewards[t]! + gamma * qOpc;
    ret[t] = qRet;
    opc[t] = qOpc;
    const weight = Math.min(1, dimensions === undefined ? ratios[t]! : ratios[t]! ** (1 / dimensions));
    qRet = weight * (qRet - q[t]!) + v[t]!;
    qOpc = qOpc - q[t]! + v[t]!;
  }
  return { ret, opc };
}

/** −Σ_b max(0, 1 − c/ρ_b) π(b) log π(b) (Q(b) − V) [L]; the weights and advantages are constants. @param q [L, A] @param v [L, 1] */
export function fullCorrection(
  policy: Categorical,
  acted: Categorical,
  q: Tensor,
  v: Tensor,
  threshold: number,
): Tensor {
  const probabilities = policy.probabilities.detach();
  const inverse = acted.logProbabilities.sub(policy.logProbabilities.detach()).exp();
  const weights = inverse.mul(-threshold).add(1).clamp(0).mul(probabilities);
  return weights.mul(q.sub(v)).mul(policy.logProbabilities).sum(-1).neg();
}

/** The same with one action for each step, drawn from π: −max(0, 1 − c/ρ_b) log π(b) (Q(b) − V). @param q Q(b) [L] @param v [L] */
export function sampledCorrection(
  policy: Distribution,
  acted: Distribution,
  drawn: Tensor,
  q: Tensor,
  v: Tensor,
  threshold: number,
): Tensor {
  const logs = policy.logProbability(drawn);
  const inverse = acted.logProbability(drawn).sub(logs.detach()).exp();
  const weights = inverse.mul(-threshold).add(1).clamp(0);
  return weights.mul(q.sub(v)).mul(logs).neg();
}

/** Σ z p of every step, whose gradient with respect to the distribution's parameters is z. @param losses [L] */
export function withinTrustRegion(policy: Distribution, averaged: Distribution, losses: Tensor, delta: number): Tensor {
  const { parameters } = policy;
  // A variance that is fixed has no gradient.
  const free = parameters.filter(({ requiresGrad }) => requiresGrad);
  const slopes = (of: Tensor) =>
    grad([of], free, { retainGraph: true, allowUnused: true }).map((each, i) => each ?? free[i]!.detach().mul(0));
  const g = slopes(losses.sum());
  const k = slopes(averaged.kl(policy).sum()).map((each) => each.neg());
  const dots = (a: Tensor[], b: Tensor[]) =>
    a.map((each, i) => each.mul(b[i]!).sum(-1)).reduce((sum, each) => sum.add(each));
  const lengths = dots(k, k);
  // Where the two policies are the same there is nothing to keep to.
  const excess = dots(k, g).sub(delta).div(lengths).clamp(0).maskedFill(lengths.eq(0), 0).unsqueeze(-1);
  return free.map((each, i) => each.mul(g[i]!.sub(k[i]!.mul(excess))).sum(-1)).reduce((sum, each) => sum.add(each));
}
