// The Mamba mixer's scan: a linear recurrence per head with one decay for all of its state, over packed documents.
//
//   B batch   T tokens   m heads   P head size   N state size   L tokens of a chunk   c chunks
//   S[t] = exp(dt[t]·A)·S[t−1] + dt[t]·x[t]·B[t]ᵀ     y[t] = S[t]·C[t] + D·x[t]
//
// B and C are shared by all heads. A token that belongs to another document than the one before it starts from S = 0.
// Three forms with the same result: the recurrence token by token, which defines it, and the chunked form in operators of
// libtorch (both in ssd-scan-plain.ts); and the kernel. The chunked form: Dao & Gu 2024, arXiv 2405.21060, section 6.
import { ShapeError, UserError } from '../../base/index.ts';
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';
import { ssdScanChunked } from './ssd-scan-plain.ts';

export interface SsdScanOptions {
  /** Tokens of a chunk. Any number gives the same result; the kernel takes at most 64, where it is fastest. */
  chunk?: number;
  /** int32 [B, T]: runs of equal numbers are documents. */
  documents?: Tensor | undefined;
  /** [B, m, P, N]: the state before the first token; zeros when left out. */
  initialState?: Tensor | undefined;
  /** Whether the state after the last token is wanted. */
  returnState?: boolean;
}

export interface SsdScanResult {
  /** [B, T, m, P] in the dtype of x */
  y: Tensor;
  /** [B, m, P, N] in f32 (f64 for f64); only with `returnState` */
  state?: Tensor;
}

const kernel = customOperator<[Tensor, Tensor]>('tsumugi::ssd_scan');

function check(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, options: SsdScanOptions): void {
  const refuse = (name: string, tensor: Tensor, wanted: readonly unknown[]) => {
    throw new ShapeError(
      'wrong-shape',
      `ssdScan: ${name} must be [${wanted.join(', ')}], it is [${tensor.shape.join(', ')}]`,
    );
  };
  if (x.ndim !== 4) refuse('x', x, ['B', 'T', 'm', 'P']);
  const [batch, T, m, P] = x.shape;
  const N = B.shape.at(-1);
  const expected: [string, Tensor | undefined, unknown[]][] = [
    ['dt', dt, [batch, T, m]],
    ['A', A, [m]],
    ['B', B, [batch, T, N]],
    ['C', C, [batch, T, N]],
    ['D', D, [m]],
    ['documents', options.documents, [batch, T]],
    ['initialState', options.initialState, [batch, m, P, N]],
  ];
  for (const [name, tensor, shape] of expected)
    if (tensor && tensor.shape.join() !== shape.join()) refuse(name, tensor, shape);
  const { chunk } = options;
  if (chunk !== undefined && !(Number.isInteger(chunk) && chunk >= 1))
    throw new UserError('bad-argument', `ssdScan: chunk must be a positive integer, it is ${chunk}`);
}

/** Δ = softplus(dt + bias): dt [B, T, m], bias [m]. */
export const deltaOf = (dt: Tensor, bias: Tensor): Tensor => dt.add(bias).softplus();

/**
 * The scan, by the kernel where it can, otherwise by the chunked form.
 *
 * @param x [B, T, m, P]
 * @param dt [B, T, m], positive (after softplus)
 * @param A [m], negative
 * @param B [B, T, N]
 * @param C [B, T, N]
 * @param D [m]
 */
export function ssdScan(
  x: Tensor,
  dt: Tensor,
  A: Tensor,
  B: Tensor,
  C: Tensor,
  D: Tensor,
  options: SsdScanOptions = {},
): SsdScanResult {
  check(x, dt, A, B, C, D, options);
  const { chunk = 256, documents, initialState, returnState = false } = options;
  if (!kernelTakes('tsumugi::ssd_scan', x, dt, A, B, C, D, initialState))
    return ssdScanChunked(x, dt, A, B, C, D, options);
  const ids = documents ? documents.to('int32') : null;
  const [y, state] = kernel(x, dt, A, B, C, D, ids, initialState ?? null, chunk, returnState);
  return returnState ? { y, state } : { y };
}
