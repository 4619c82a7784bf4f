// Attention of queries to one block of the keys they see, for rows whose keys lie in several places: results of blocks are put
// together by their log-sum-exps. Nothing is recorded for backward; whoever puts the blocks together knows all it needs.
//
//   B batch   T queries   S keys   H query heads   K key/value heads   d head size
//
// The kernel (packages/native/src/kernels/attention.cc) is used on the CPU in f32 and f64, its twin below elsewhere.
import { arange, cat, customOperator, kernelTakes, type Tensor, zeros, zerosLike } from '../../torch/index.ts';

export interface BlockReach {
  /** Query t sees the keys j ≤ t + offset: where the first query stands, counted from the first key. Not negative. */
  offset: number;
  /** [B, T] int32, never decreasing along T: the first key a query sees; the number of keys where it sees none. 0 when left out. */
  low?: Tensor | undefined;
  /** Of the scores. */
  scale: number;
}

export interface BlockResult {
  /** [B, T, H, d]; 0 where a query sees no key */
  out: Tensor;
  /** [B, H, T]; −∞ where a query sees no key */
  logsumexp: Tensor;
}

const kernel = customOperator<[Tensor, Tensor]>('tsumugi::attention_block');
const gradientsKernel = customOperator<[Tensor, Tensor, Tensor]>('tsumugi::attention_block_backward');

/** q [B, T, H, d]; k and v [B, S, K, d] */
export function attentionBlock(q: Tensor, k: Tensor, v: Tensor, reach: BlockReach): BlockResult {
  if (!kernelTakes('tsumugi::attention_block', q, k, v)) return attentionBlockPlain(q, k, v, reach);
  const [out, logsumexp] = kernel(q, k, v, reach.offset, reach.scale, reach.low ?? null);
  return { out, logsumexp };
}

/**
 * What a block adds to the gradients of q, k and v, given the output and the log-sum-exp over all blocks.
 *
 * @param gradient [B, T, H, d], of the output
 */
export function attentionBlockGradients(
  gradient: Tensor,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { out, logsumexp }: BlockResult,
  reach: BlockReach,
): [q: Tensor, k: Tensor, v: Tensor] {
  return kernelTakes('tsumugi::attention_block_backward', gradient, q, k, v)
    ? gradientsKernel(gradient, q, k, v, out, logsumexp, reach.offset, reach.scale, reach.low ?? null)
    : attentionBlockGradientsPlain(gradient, q, k, v, { out, logsumexp }, reach);
}

/** So many queries at a time, for the scores [B, H, n, S]. */
const queriesAtOnce = 256;

/** The scores [B, K, H/K·n, S] of queries [from, from + n), and where there is nothing to see. */
function scoresOf(q: Tensor, k: Tensor, from: number, { offset, low, scale }: BlockReach) {
  const [B, T, H, d] = q.shape as [number, number, number, number];
  const [, S, K] = k.shape as [number, number, number];
  const n = Math.min(queriesAtOnce, T - from);
  // [B, n, H, d] → [B, K, H/K·n, d]: the query heads of a group are rows beside each other
  const grouped = (x: Tensor) =>
    x
      .narrow(1, from, n)
      .transpose(1, 2)
      .reshape([B, K, (H / K) * n, d]);
  const last = arange(offset + from, offset + from + n, { device: q.device }).unsqueeze(1);
  const j = arange(S, { device: q.device });
  let hidden = j.gt(last); // [n, S]
  if (low) hidden = hidden.logicalOr(j.lt(low.narrow(1, from, n).unsqueeze(2))).unsqueeze(1); // [B, 1, n, S]
  const wide = q.dtype === 'float64' ? 'float64' : 'float32';
  const scores = grouped(q)
    .matmul(k.permute([0, 2, 3, 1]))
    .to(wide)
    .mul(scale);
  const masked = (x: Tensor, value: number) => x.view([B, H, n, S]).maskedFill(hidden, value);
  const back = (x: Tensor) => x.view([B, H, n, d]).transpose(1, 2);
  return { n, grouped, scores, masked, back };
}

/** The plain twin of `attentionBlock`. */
export function attentionBlockPlain(q: Tensor, k: Tensor, v: Tensor, reach: BlockReach): BlockResult {
  const [T, S, K] = [q.size(1), k.size(1), k.size(2)];
  const [outs, sums]: [Tensor[], Tensor[]] = [[], []];
  for (let from = 0; from < T; from += queriesAtOnce) {
    const { scores, masked, back } = scoresOf(q, k, from, reach);
    const seen = masked(scores, Number.NEGATIVE_INFINITY);
    const sum = seen.logsumexp(-1); // [B, H, n]
    const weights = masked(seen.sub(sum.unsqueeze(-1)).exp(), 0).to(q.dtype);
    outs.push(back(weights.view([q.size(0), K, -1, S]).matmul(v.transpose(1, 2))));
    sums.push(sum);
  }
  return { out: cat(outs, 1), logsumexp: cat(sums, 2) };
}

/** The plain twin of `attentionBlockGradients`. */
export function attentionBlockGradientsPlain(
  gradient: Tensor,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { out, logsumexp }: BlockResult,
  reach: BlockReach,
): [q: Tensor, k: Tensor, v: Tensor] {
  const [B, T] = q.shape as [number, number];
  const [, S, K, d] = k.shape as [number, number, number, number];
  const [values, keys] = [v, k].map((x) => x.transpose(1, 2)) as [Tensor, Tensor]; // [B, K, S, d]
  const like = { dtype: q.dtype, device: q.device };
  const dQ: Tensor[] = [];
  const [dK, dV] = [zeros([B, K, S, d], like), zeros([B, K, S, d], like)];
  const products = out.to(logsumexp.dtype).mul(gradient.to(logsumexp.dtype)).sum([-1]).transpose(1, 2); // [B, H, T]
  for (let from = 0; from < T; from += queriesAtOnce) {
    const { n, grouped, scores, masked, back } = scoresOf(q, k, from, reach);
    const ofRow = (x: Tensor) => x.narrow(2, from, n).unsqueeze(-1);
    const weights = masked(masked(scores, 0).sub(ofRow(logsumexp)).exp(), 0); // [B, H, n, S]
    const g = grouped(gradient);
    const ofWeights = g.matmul(values.transpose(2, 3)).to(weights.dtype).view(weights.shape);
    const ofScores = weights.mul(ofWeights.sub(ofRow(products))).mul(reach.scale);
    const [rows, scoreRows] = [weights, ofScores].map((x) => x.to(q.dtype).view([B, K, -1, S])) as [Tensor, Tensor];
    dV.add_(rows.transpose(2, 3).matmul(g));
    dK.add_(scoreRows.transpose(2, 3).matmul(grouped(q)));
    dQ.push(back(scoreRows.matmul(keys)));
  }
  return [T === 0 ? zerosLike(q) : cat(dQ, 1), dK.transpose(1, 2), dV.transpose(1, 2)];
}
