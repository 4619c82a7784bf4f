// The Mamba mixer's short convolution: depthwise, causal, without bias, followed by SiLU. In a pack, no tap reaches into
// another document.
//
//   B batch   T tokens   C channels   k taps
import { ShapeError } from '../../base/index.ts';
import { cat, customOperator, kernelTakes, scope, type Tensor, zeros } from '../../torch/index.ts';
import { documentNumbers } from './documents.ts';

export interface CausalConvOptions {
  /** int32 [B, T]: runs of equal numbers are documents. A tap on a token of another one gives 0. */
  documents?: Tensor | undefined;
  /** [B, C, k−1]: the inputs before the first token, oldest first, of the first token's document. Zeros when left out. */
  state?: Tensor | undefined;
}

const kernel = customOperator('tsumugi::causal_conv');

function check(x: Tensor, weight: Tensor, { documents, state }: CausalConvOptions): void {
  const [B, T, C] = x.shape;
  const k = weight.shape.at(-1)!;
  const refuse = (what: string, shape: readonly number[], wanted: string): never => {
    throw new ShapeError(
      'wrong-shape',
      `causalConv: ${what} must be ${wanted} for x [${x.shape.join(', ')}], it is [${shape.join(', ')}]`,
    );
  };
  if (x.ndim !== 3) refuse('x', x.shape, '[B, T, C]');
  if (weight.shape.join() !== [C, 1, k].join()) refuse('weight', weight.shape, `[${C}, 1, k]`);
  if (documents && documents.shape.join() !== [B, T].join()) refuse('documents', documents.shape, `[${B}, ${T}]`);
  if (state && state.shape.join() !== [B, C, k - 1].join()) refuse('state', state.shape, `[${B}, ${C}, ${k - 1}]`);
}

/**
 * silu(Σ_j weight[c, 0, j]·x[t − (k−1) + j, c]).
 *
 * @param x [B, T, C]
 * @param weight [C, 1, k]
 * @returns [B, T, C]
 */
export function causalConv(x: Tensor, weight: Tensor, options: CausalConvOptions = {}): Tensor {
  check(x, weight, options);
  const { documents, state } = options;
  return weight.size(2) <= 16 && kernelTakes('tsumugi::causal_conv', x, weight, state)
    ? kernel(x, weight, documents ? documents.to('int32') : null, state ?? null)
    : causalConvPlain(x, weight, options);
}

/** The plain twin of `causalConv`, tap by tap: any device and dtype. */
export function causalConvPlain(x: Tensor, weight: Tensor, { documents, state }: CausalConvOptions = {}): Tensor {
  return scope(() => {
    const [B, T, C] = x.shape as [number, number, number];
    const k = weight.size(2);
    const past = state ? state.transpose(1, 2).to(x.dtype) : zeros([B, k - 1, C], { dtype: x.dtype, device: x.device });
    const row = cat([past, x], 1); // [B, k − 1 + T, C]
    const own = documents && documentNumbers(documents);
    const all = own && cat([zeros([B, k - 1], { dtype: 'int64', device: x.device }), own], 1);
    let sum: Tensor | undefined;
    for (let j = 0; j < k; j++) {
      let tap = row.narrow(1, j, T).mul(weight.select(2, j).select(1, 0).to(x.dtype));
      if (own && all) tap = tap.maskedFill(all.narrow(1, j, T).ne(own).unsqueeze(2), 0);
      sum = sum ? sum.add(tap) : tap;
    }
    return sum!.silu();
  });
}

/**
 * The last k−1 inputs of the convolution, to go on from.
 *
 * @param x [B, T, C], what was just convolved
 * @param k number of taps
 * @param previousState [B, C, k−1], what x was convolved with; zeros when left out
 * @returns [B, C, k−1]
 */
export function convState(x: Tensor, k: number, previousState?: Tensor): Tensor {
  return scope(() => {
    const [B, T, C] = x.shape as [number, number, number];
    const recent = Math.min(T, k - 1);
    const last = x.narrow(1, T - recent, recent).transpose(1, 2);
    if (recent === k - 1) return last.clone().contiguous();
    const past = previousState ?? zeros([B, C, k - 1], { dtype: x.dtype, device: x.device });
    return cat([past.narrow(2, recent, k - 1 - recent), last], 2);
  });
}
