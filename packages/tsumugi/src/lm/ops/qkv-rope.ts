// The fused attention projection without QK-norm: taken apart, queries and keys rotated. libtorch's own operators, on any
// device: no PLaMo 2 model is made like this, so it has no kernel.
import { ShapeError } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { type RopeTable, rotate } from './rope.ts';

/**
 * @param qkv [B, T, (H + 2K)·d]: queries, keys, values, head-major inside each
 * @param table at least T rows; row t belongs to token t
 * @param options H and K
 * @returns q [B, T, H, d], k and v [B, T, K, d]
 */
export function qkvRope(
  qkv: Tensor,
  table: RopeTable,
  { heads, kvHeads }: { heads: number; kvHeads: number },
): [q: Tensor, k: Tensor, v: Tensor] {
  const d = qkv.size(-1) / (heads + 2 * kvHeads);
  const rows = table.cos.size(0);
  if (qkv.ndim !== 3 || d % 2 !== 0 || rows < qkv.size(1) || table.cos.size(1) !== d / 2)
    throw new ShapeError(
      'wrong-shape',
      `qkvRope: qkv [${qkv.shape.join(', ')}] must be [B, T, (H + 2K)·d] with an even d, and the table [at least T, d/2]; got [${table.cos.shape.join(', ')}] for H = ${heads}, K = ${kvHeads}`,
    );
  const [B, T] = qkv.shape as [number, number];
  const all = qkv.reshape([B, T, heads + 2 * kvHeads, d]);
  const turned = rotate(all.narrow(2, 0, heads + kvHeads), table); // queries and keys in one go
  return [turned.narrow(2, 0, heads), turned.narrow(2, heads, kvHeads), all.narrow(2, heads + kvHeads, kvHeads)];
}
