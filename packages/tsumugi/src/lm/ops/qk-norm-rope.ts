// QK-norm and RoPE on the fused attention projection: an RMSNorm per head with a weight of its own, then the rotation.
import { ShapeError } from '../../base/index.ts';
import { rmsNormPlain } from '../../nn/index.ts';
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';
import { type RopeTable, rotate } from './rope.ts';

type Three = [q: Tensor, k: Tensor, v: Tensor];

const kernel = customOperator<Three>('tsumugi::qkv_norm_rope');

/** PLaMo 2 fixes the epsilon of its QK-norm, whatever `rms_norm_eps` says. */
const qkNormEps = 1e-6;

export interface QkvOptions {
  /** H query heads. */
  heads: number;
  /** K key/value heads. */
  kvHeads: number;
  eps?: number | undefined;
}

const text = (tensor: Tensor) => `[${tensor.shape.join(', ')}]`;

/**
 * Takes the fused projection apart; q and k are normed per head (statistics in f32 at least, no offset), then rotated.
 * One operator whose backward makes one gradient of the projection.
 *
 * @param qkv [B, T, (H + 2K)·d]: queries, keys, values, head-major inside each
 * @param qWeight [H, d]
 * @param kWeight [K, d]
 * @param table at least T rows; row t belongs to token t
 * @returns q [B, T, H, d], k and v [B, T, K, d]
 */
export function qkvNormRope(
  qkv: Tensor,
  qWeight: Tensor,
  kWeight: Tensor,
  table: RopeTable,
  options: QkvOptions,
): Three {
  const { heads, kvHeads, eps = qkNormEps } = options;
  const d = qkv.size(-1) / (heads + 2 * kvHeads);
  const fits = (weight: Tensor, count: number) => weight.shape.join() === [count, d].join();
  if (qkv.ndim !== 3 || d % 2 !== 0 || !fits(qWeight, heads) || !fits(kWeight, kvHeads))
    throw new ShapeError(
      'wrong-shape',
      `qkvNormRope: qkv ${text(qkv)} must be [B, T, (H + 2K)·d] with an even d, and the weights [H, d] and [K, d]; got ${text(qWeight)} and ${text(kWeight)} for H = ${heads}, K = ${kvHeads}`,
    );
  if (table.cos.size(0) < qkv.size(1) || table.cos.size(1) !== d / 2)
    throw new ShapeError(
      'wrong-shape',
      `qkvNormRope: the table ${text(table.cos)} must have at least ${qkv.size(1)} rows of ${d / 2}`,
    );
  return kernelTakes('tsumugi::qkv_norm_rope', qkv, qWeight, kWeight, table.cos, table.sin)
    ? kernel(qkv, qWeight, kWeight, table.cos, table.sin, eps)
    : qkvNormRopePlain(qkv, qWeight, kWeight, table, options);
}

/** The plain twin of `qkvNormRope`: any device and dtype. */
export function qkvNormRopePlain(
  qkv: Tensor,
  qWeight: Tensor,
  kWeight: Tensor,
  table: RopeTable,
  options: QkvOptions,
): Three {
  const { heads, kvHeads, eps = qkNormEps } = options;
  const [B, T, width] = qkv.shape as [number, number, number];
  const all = qkv.reshape([B, T, heads + 2 * kvHeads, width / (heads + 2 * kvHeads)]);
  const [q, k, v] = all.splitWithSizes([heads, kvHeads, kvHeads], 2) as Three;
  return [qkNormRope(q, qWeight, table, { eps }), qkNormRope(k, kWeight, table, { eps }), v];
}

/**
 * Norms every head by its root mean square, times its own weight, and rotates it.
 *
 * @param x [B, T, H, d]
 * @param weight [H, d]
 * @param table at least T rows; row t belongs to token t
 */
export function qkNormRope(x: Tensor, weight: Tensor, table: RopeTable, options: { eps?: number } = {}): Tensor {
  return rotate(rmsNormPlain(x, weight, { eps: options.eps ?? qkNormEps }), table);
}
