// Causal grouped-query attention over a window and within documents (spec 2.4).
//
//   B batch   T queries   S keys ≥ T   H query heads   K key/value heads   d head size   W window
//
// The kernel (packages/native/src/kernels/attention.cc) is used on the CPU in f32 and f64, its twins elsewhere.
import { ShapeError } from '../../base/index.ts';
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';
import { attentionPlain } from './attention-plain.ts';

const kernel = customOperator<[out: Tensor, logsumexp: Tensor]>('tsumugi::windowed_attention');

export interface AttentionOptions {
  /** How many keys a query sees before itself: W, so W + 1 with itself. null: all. */
  window: number | null;
  /** [B, T] int32: runs of equal numbers are documents. Only when S = T. */
  documents?: Tensor | undefined;
  /** Of the scores; 1/√d when left out. */
  scale?: number | undefined;
}

const text = (tensor: Tensor) => `[${tensor.shape.join(', ')}]`;

/**
 * softmax(q·kᵀ·scale)·v, where query t stands at position S − T + t and sees the positions i − W ≤ j ≤ i of its own
 * document. Query head h reads key/value head ⌊h·K/H⌋. Time is linear in T for a window, memory always: forward keeps
 * the output and one number per query and head, backward recomputes the scores.
 *
 * @param q [B, T, H, d]
 * @param k [B, S, K, d], like v; the T queries' own keys come last
 * @returns [B, T, H, d]
 */
export function windowedAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  check(q, k, v, options);
  const scale = options.scale ?? 1 / Math.sqrt(q.size(3));
  if (!kernelTakes('tsumugi::windowed_attention', q, k, v)) return attentionPlain(q, k, v, { ...options, scale });
  const [out, logsumexp] = kernel(q, k, v, options.window ?? -1, scale, options.documents ?? null);
  logsumexp.dispose();
  return out;
}

function check(q: Tensor, k: Tensor, v: Tensor, { window, documents }: AttentionOptions): void {
  const [B, T, H, d] = q.shape;
  const [Bk, S, K, dk] = k.shape;
  const shapes = `q ${text(q)}, k ${text(k)}, v ${text(v)}`;
  if (q.ndim !== 4 || k.ndim !== 4 || k.shape.join() !== v.shape.join() || B !== Bk || d !== dk || H! % K! !== 0)
    throw new ShapeError(
      'wrong-shape',
      `attention: expected q [B, T, H, d] and k, v [B, S, K, d] with H a multiple of K, got ${shapes}`,
    );
  if (S! < T!) throw new ShapeError('wrong-shape', `attention: there are fewer keys than queries: ${shapes}`);
  if (window !== null && !(Number.isInteger(window) && window >= 0))
    throw new ShapeError('bad-window', `attention: the window must be null or an integer ≥ 0, got ${window}`);
  if (documents && (documents.dtype !== 'int32' || documents.shape.join() !== [B, T].join() || S !== T))
    throw new ShapeError(
      'wrong-shape',
      `attention: documents must be int32 [B, T] with as many keys as queries, got ${documents.dtype} ${text(documents)} for ${shapes}`,
    );
}
