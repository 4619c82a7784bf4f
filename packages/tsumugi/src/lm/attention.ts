// PLaMo 2's attention mixer (spec 2.4): QK-norm per head (which can be left out), RoPE, grouped queries, causal with an
// optional window.
//
//   B batch   T tokens   D hidden size   H query heads   K key/value heads   d head size   S keys in reach
//
// Not done here: attention sinks, soft-capping, dropout (the published model has none).
import { Module, parameter, type UnaryModule } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';
import type { AttentionMemory } from './layer-memory.ts';
import { linearOf } from './linear-of.ts';
import { windowedAttention } from './ops/attention.ts';
import { qkvNormRope } from './ops/qk-norm-rope.ts';
import { qkvRope } from './ops/qkv-rope.ts';
import type { RopeSource } from './rope-tables.ts';

export interface AttentionShape {
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Keys a query sees before itself (it sees window + 1 with itself); null = all. */
  window: number | null;
  ropeBase: number;
}

export interface MixerContext {
  rope: RopeSource;
  /** Position of the first token. */
  offset: number;
  /** [B, T] int32: tokens of different documents never meet. */
  documents?: Tensor | undefined;
}

export class Attention extends Module {
  readonly #shape: AttentionShape;
  /** [(H + 2K)·d, D]: Q, then K, then V, head-major inside each. */
  qkv_proj: UnaryModule;
  /** [H, d] and [K, d]: one QK-norm vector per head, no offset. None without QK-norm. */
  q_weight?: Tensor;
  k_weight?: Tensor;
  /** [D, H·d] */
  o_proj: UnaryModule;

  constructor(shape: AttentionShape, weights: { qkv: Tensor; q?: Tensor; k?: Tensor; out: Tensor }) {
    super();
    this.#shape = shape;
    this.qkv_proj = linearOf(weights.qkv);
    if (weights.q && weights.k) {
      this.q_weight = parameter(weights.q);
      this.k_weight = parameter(weights.k);
    }
    this.o_proj = linearOf(weights.out);
  }

  /** [B, T, D] → [B, T, D]. With a memory, its keys come before the new ones, and the new ones are added to it. */
  forward(x: Tensor, context: MixerContext, memory?: AttentionMemory): Tensor {
    const { heads, headDim, window } = this.#shape;
    const [B, T] = x.shape as [number, number];
    const { q, k, v } = this.queriesKeysValues(x, context);
    const y = memory?.attend(q, k, v) ?? windowedAttention(q, k, v, { window, documents: context.documents }); // [B, T, H, d]
    return this.o_proj.forward(y.reshape([B, T, heads * headDim]));
  }

  /** [B, T, D] → q [B, T, H, d] and k, v [B, T, K, d], as they meet: q and k normed and rotated. */
  queriesKeysValues(x: Tensor, context: MixerContext): { q: Tensor; k: Tensor; v: Tensor } {
    const { heads, kvHeads, headDim, ropeBase } = this.#shape;
    const table = context.rope.rows(ropeBase, headDim, context.offset, x.size(1), x.device);
    const qkv = this.qkv_proj.forward(x); // [B, T, (H + 2K)·d]
    const options = { heads, kvHeads };
    const [q, k, v] =
      this.q_weight && this.k_weight
        ? qkvNormRope(qkv, this.q_weight, this.k_weight, table, options)
        : qkvRope(qkv, table, options);
    return { q, k, v };
  }
}
