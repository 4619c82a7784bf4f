// The attention kernel's twins from libtorch's own operators, for any device and dtype: blocks of queries, each over the keys it can
// reach. Neither ever holds a [T, T] matrix.
//
// `attentionInBlocks` holds one block's scores, [B, H, block, R], with R = min(T, W + block); while gradients are recorded, those of all
// blocks, B·H·T·R numbers: half of T² for full attention, where at 32K the layer should be checkpointed. `attentionFused` (where
// libtorch's kernel takes device and dtype) holds one number per query and a block's mask; over a window the masks of all blocks, and
// 1 + W / block times the keys and values.
import { arange, cat, customOperator, hasOperator, type Tensor } from '../../torch/index.ts';
import type { AttentionOptions } from './attention.ts';
import { documentNumbers } from './documents.ts';

const fused = customOperator('aten::scaled_dot_product_attention');
const unfold = customOperator('aten::unfold');

interface Settings extends AttentionOptions {
  scale: number;
}

/** The twin to use: libtorch's fused attention on a GPU, where this libtorch has it (from 2.0 on). */
export function attentionPlain(q: Tensor, k: Tensor, v: Tensor, settings: Settings): Tensor {
  return q.device !== 'cpu' && hasOperator('aten::scaled_dot_product_attention')
    ? attentionFused(q, k, v, settings)
    : attentionInBlocks(q, k, v, settings);
}

/** One block of queries [from, to) and the keys [low, high) that at least one of them sees. */
interface Block {
  from: number;
  to: number;
  low: number;
  high: number;
}

function blocksOf(T: number, S: number, window: number | null, size: number): Block[] {
  return Array.from({ length: Math.ceil(T / size) }, (_, i) => {
    const from = i * size;
    const to = Math.min(T, from + size);
    return { from, to, low: window === null ? 0 : Math.max(0, S - T + from - window), high: S - T + to };
  });
}

/** With documents whose numbers are all different. */
const numbered = (settings: Settings): Settings =>
  settings.documents ? { ...settings, documents: documentNumbers(settings.documents) } : settings;

/** Where a block's queries must not look: [n, keys], or [B, 1, n, keys] with documents. */
function hidden({ from, to, low, high }: Block, offset: number, device: Tensor['device'], settings: Settings): Tensor {
  const i = arange(offset + from, offset + to, { device }).unsqueeze(1);
  const j = arange(low, high, { device });
  let mask = j.gt(i);
  if (settings.window !== null) mask = mask.logicalOr(j.lt(i.sub(settings.window)));
  if (!settings.documents) return mask;
  const own = settings.documents.narrow(1, from, to - from).unsqueeze(2);
  const theirs = settings.documents.narrow(1, low, high - low).unsqueeze(1);
  return mask.logicalOr(own.ne(theirs)).unsqueeze(1);
}

/** Matrix products and a softmax per block; scores and softmax in f32 at least. */
export function attentionInBlocks(q: Tensor, k: Tensor, v: Tensor, given: Settings): Tensor {
  const settings = numbered(given);
  const [B, T, H, d] = q.shape as [number, number, number, number];
  const [, S, K] = k.shape as [number, number, number];
  const wide = q.dtype === 'float64' ? 'float64' : 'float32';
  const keys = k.transpose(1, 2); // [B, K, S, d]
  const values = v.transpose(1, 2);
  const parts = blocksOf(T, S, settings.window, 256).map((block) => {
    const { from, to, low, high } = block;
    const n = to - from;
    // The query heads of a group are rows beside each other: one product with their common keys.
    const rows = q
      .narrow(1, from, n)
      .transpose(1, 2)
      .reshape([B, K, (H / K) * n, d]);
    const scores = rows
      .matmul(keys.narrow(2, low, high - low).transpose(2, 3))
      .to(wide)
      .mul(settings.scale);
    const mask = hidden(block, S - T, q.device, settings);
    const weights = scores
      .view([B, H, n, high - low])
      .maskedFill(mask, Number.NEGATIVE_INFINITY)
      .softmax(-1);
    const mixed = weights
      .to(q.dtype)
      .view([B, K, (H / K) * n, high - low])
      .matmul(values.narrow(2, low, high - low));
    return mixed.view([B, H, n, d]).transpose(1, 2);
  });
  return cat(parts, 1);
}

/** libtorch's fused attention, masked: all blocks at once over a window, one after the other over everything. */
export function attentionFused(q: Tensor, k: Tensor, v: Tensor, given: Settings): Tensor {
  const settings = numbered(given);
  const [, T, H] = q.shape as [number, number, number];
  const [, S, K] = k.shape as [number, number, number];
  const { window, documents, scale } = settings;
  const queries = q.transpose(1, 2);
  const [keys, values] = [k, v].map((x) => x.repeatInterleave(H / K, 2).transpose(1, 2)) as [Tensor, Tensor];
  const everything = S === T && !documents && (window === null || window >= T - 1);
  if (everything) return fused(queries, keys, values, null, 0, true, scale).transpose(1, 2);
  if (window !== null) return attentionInWindows(queries, keys, values, { ...settings, window });
  const parts = blocksOf(T, S, null, 1024).map((block) => {
    const { from, to, low, high } = block;
    const seen = hidden(block, S - T, q.device, settings).logicalNot();
    const [near, nearValues] = [keys, values].map((x) => x.narrow(2, low, high - low)) as [Tensor, Tensor];
    return fused(queries.narrow(2, from, to - from), near, nearValues, seen, 0, false, scale);
  });
  return cat(parts, 2).transpose(1, 2);
}

/**
 * libtorch's fused attention over blocks of queries as a batch, each with the keys in reach of any of them: row r of a block sees
 * columns r … r + W. q [B, H, T, d]; k, v [B, H, S, d].
 *
 * @returns [B, T, H, d]
 */
function attentionInWindows(q: Tensor, k: Tensor, v: Tensor, settings: Settings & { window: number }): Tensor {
  const { window: W, documents, scale } = settings;
  const [B, H, T, d] = q.shape as [number, number, number, number];
  const past = k.size(2) - T; // keys before the first query
  const size = Math.min(1024, Math.max(256, W), T);
  const blocks = Math.ceil(T / size);
  const reach = size + W;
  const [missing, filling] = [Math.max(0, W - past), blocks * size - T];
  // What a row of keys, or of anything at their places in dimension `dim`, is to each block: a last dimension of `reach`.
  const inReach = (row: Tensor, dim: number, around: number[], value?: number) =>
    unfold(row.narrow(dim, past + missing - W, T + W - missing).pad(around, value), dim, reach, size);
  const asBatch = (x: Tensor, length: number) => x.transpose(1, 2).reshape([B * blocks, H, length, d]);
  const near = [k, v].map((x) => asBatch(inReach(x, 2, [0, 0, missing, filling]).transpose(3, 4), reach));
  const rows = asBatch(q.pad([0, 0, 0, filling]).view([B, H, blocks, size, d]), size);

  const r = arange(size, { device: q.device }).unsqueeze(1);
  const c = arange(reach, { device: q.device });
  const first = arange(blocks, { device: q.device }).mul(-size).add(missing).view([blocks, 1, 1]);
  let seen = c
    .ge(r)
    .logicalAnd(c.le(r.add(W)))
    .logicalAnd(c.ge(first)); // [blocks, size, reach]
  if (documents) {
    const own = documents.pad([0, filling], -1).view([B, blocks, size, 1]);
    const theirs = inReach(documents, 1, [missing, filling], -1).unsqueeze(2);
    seen = own.eq(theirs).logicalAnd(seen);
  } else seen = seen.expand([B, blocks, size, reach]);
  const mask = seen.reshape([B * blocks, 1, size, reach]);
  const mixed = fused(rows, near[0]!, near[1]!, mask, 0, false, scale); // [B · blocks, H, size, d]
  return mixed
    .view([B, blocks, H, size, d])
    .transpose(2, 3)
    .reshape([B, blocks * size, H, d])
    .narrow(1, 0, T);
}
