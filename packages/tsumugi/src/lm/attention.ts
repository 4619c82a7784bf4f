// PLaMo 2's attention mixer (spec 2.4): QK-norm per head, RoPE, grouped queries, causal with an optional window.
//
//   B batch   T tokens   D hidden size   H query heads   K key/value heads   d head size   S keys in reach
//
// Not done here: attention sinks, soft-capping, dropout (the published model has none).
import { Module, parameter } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';
import type { AttentionCache } from './cache.ts';
import { windowedAttention } from './ops/attention.ts';
import { qkvNormRope } from './ops/qk-norm-rope.ts';
import { Projection } from './projection.ts';
import type { RopeTables } from './rope-tables.ts';

export interface AttentionShape {
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Keys a query sees before itself (it sees window + 1 with itself); null = all. */
  window: number | null;
  ropeBase: number;
}

export interface MixerContext {
  rope: RopeTables;
  /** Position of the first token. */
  offset: number;
  /** [B, T] int32: tokens of different documents never meet. */
  documents?: Tensor | undefined;
}

export class Attention extends Module {
  readonly #shape: AttentionShape;
  /** [(H + 2K)·d, D]: Q, then K, then V, head-major inside each. */
  qkv_proj: Projection;
  /** [H, d] and [K, d]: one QK-norm vector per head, no offset. */
  q_weight: Tensor;
  k_weight: Tensor;
  /** [D, H·d] */
  o_proj: Projection;

  constructor(shape: AttentionShape, weights: { qkv: Tensor; q: Tensor; k: Tensor; out: Tensor }) {
    super();
    this.#shape = shape;
    this.qkv_proj = new Projection(weights.qkv);
    this.q_weight = parameter(weights.q);
    this.k_weight = parameter(weights.k);
    this.o_proj = new Projection(weights.out);
  }

  /** [B, T, D] → [B, T, D]. With a cache, its keys come before the new ones, and the new ones are added to it. */
  forward(x: Tensor, context: MixerContext, cache?: AttentionCache): Tensor {
    const { heads, kvHeads, headDim, window, ropeBase } = this.#shape;
    const [B, T] = x.shape as [number, number];
    const table = context.rope.rows(ropeBase, headDim, context.offset, T, x.device);
    const [q, k, v] = qkvNormRope(this.qkv_proj.forward(x), this.q_weight, this.k_weight, table, { heads, kvHeads });
    const reach = cache ? cache.append(k, v) : { k, v };
    const y = windowedAttention(q, reach.k, reach.v, { window, documents: context.documents }); // [B, T, H, d]
    return this.o_proj.forward(y.reshape([B, T, heads * headDim]));
  }
}
