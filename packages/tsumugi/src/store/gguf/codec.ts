// Rows of weights to the blocks of a GGUF type and back, a piece at a time, so that a piece stays in the CPU's caches.
import { invariant, UserError } from '../../base/index.ts';
import { type DType, empty, noGrad, scope, type Tensor } from '../../torch/index.ts';
import { q4_k, q5_k } from './codecs/affine-k.ts';
import { type Codec, viewAs } from './codecs/columns.ts';
import { q6_k } from './codecs/q6-k.ts';
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from './codecs/small-blocks.ts';
import { type GgufType, ggufTypes } from './types.ts';

const plain: Partial<Record<GgufType, DType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };
const codecs: Partial<Record<GgufType, Codec>> = {
  Q8_0: q8_0, Q4_0: q4_0, Q4_1: q4_1, Q5_0: q5_0, Q5_1: q5_1, Q4_K: q4_k, Q5_K: q5_k, Q6_K: q6_k,
}; // biome-ignore format: a table

/** Elements that are worked on at once: 512 KiB of float32. */
const pieceElements = 1 << 17;
/** Added to the importance of a channel, as a share of the mean: channels that the calibration never used still count. */
const leastImportance = 1e-4;

export interface QuantizeOptions {
  /** float32 [n]: how much errors of an input channel count, such as its mean squared activation. */
  importance?: Tensor | undefined;
  /** The tensor's name, for errors. */
  name?: string | undefined;
}

/**
 * Rows of weights as the blocks of a type: arrays of bytes that follow each other in the file.
 *
 * @param x [..., n] floating-point; n is a multiple of the type's block
 * @throws UserError when a weight is not finite, or too large for the type
 */
export function* quantizePieces(type: GgufType, x: Tensor, options: QuantizeOptions = {}): Generator<Uint8Array> {
  const n = x.shape.at(-1) ?? 1;
  const rows = x.numel() / n;
  const { block } = ggufTypes[type];
  invariant(n % block === 0, `rows of ${n} elements have whole blocks of ${block}`);
  const step = Math.max(1, Math.floor(pieceElements / n));
  using weights = new ErrorWeights(options.importance, block);
  for (let start = 0; start < rows; start += step) {
    const count = Math.min(step, rows - start);
    yield noGrad(() =>
      scope(() => {
        const piece = x.reshape([rows, n]).narrow(0, start, count).float().contiguous();
        const bytes = encode(type, piece, codecs[type] && weights.of(count));
        requireFinite(type, piece, options.name);
        return bytes.bytes();
      }),
    );
  }
}

/** float32 [count, n] → uint8 [count · blocks, bytes of a block]. */
function encode(type: GgufType, x: Tensor, weights: Tensor | undefined): Tensor {
  const codec = codecs[type];
  if (!codec) return x.to(plain[type]!);
  const columns = x.view([-1, ggufTypes[type].block]).t().contiguous();
  return codec.quantize(columns, weights).t().contiguous();
}

/** The largest magnitude that a type holds: those whose scales are float16 hold that many steps of the largest scale. */
const largest: Readonly<Record<GgufType, number>> = {
  F32: 3.5e38, BF16: 3.39e38, F16: 65504, Q8_0: 65504 * 127, Q4_0: 65504 * 8, Q4_1: 65504, Q5_0: 65504 * 16, Q5_1: 65504,
  Q4_K: 65504 * 63, Q5_K: 65504 * 63, Q6_K: 65504 * 128,
}; // biome-ignore format: a table

function requireFinite(type: GgufType, x: Tensor, name = 'a tensor'): void {
  const peak = x.abs().amax().item();
  if (peak <= largest[type]) return;
  const finite = Number.isFinite(peak);
  throw new UserError(
    'weight-range',
    `${name} holds ${finite ? `a weight of magnitude ${peak}, too large for ${type}` : 'a weight that is no finite number'}`,
    {
      remedy: finite
        ? 'Choose the type BF16 or F32.'
        : 'Find out where the weights went wrong: tsumugi score names the layer.',
      fields: { tensor: name, type, peak },
    },
  );
}

/** The importance of input channels, laid out like the columns of a piece. */
class ErrorWeights implements Disposable {
  readonly #channels: Tensor | undefined;
  readonly #block: number;
  #kept: { count: number; weights: Tensor } | undefined;

  constructor(importance: Tensor | undefined, block: number) {
    this.#channels = importance && usable(importance);
    this.#block = block;
  }

  /** float32 [block, count · blocks of a row]. */
  of(count: number): Tensor | undefined {
    if (!this.#channels || this.#kept?.count === count) return this.#kept?.weights;
    this.#kept?.weights.dispose();
    const row = this.#channels.view([-1, this.#block]).t().unsqueeze(1); // [block, 1, blocks of a row]
    const weights = row
      .expand([this.#block, count, row.size(2)])
      .reshape([this.#block, -1])
      .contiguous()
      .keep();
    this.#kept = { count, weights };
    return weights;
  }

  [Symbol.dispose](): void {
    this.#kept?.weights.dispose();
    this.#channels?.dispose();
  }
}

/** Scaled to a mean of 1, with no channel at 0; undefined when all are. */
function usable(importance: Tensor): Tensor | undefined {
  return scope(() => {
    const mean = importance.float().mean().item();
    if (!(mean > 0) || !Number.isFinite(mean)) return undefined;
    return importance.float().div(mean).add(leastImportance).keep();
  });
}

/**
 * Blocks of a type as values: float32 of `shape`, whose last dimension is a multiple of the type's block.
 *
 * @param bytes uint8, as many as the shape takes
 */
export function dequantize(type: GgufType, bytes: Tensor, shape: readonly number[]): Tensor {
  const { block, bytes: blockBytes } = ggufTypes[type];
  const codec = codecs[type];
  return noGrad(() =>
    scope(() => {
      if (!codec)
        return viewAs(bytes.reshape([-1]), plain[type]!)
          .float()
          .view(shape);
      const blocks = bytes.reshape([-1, blockBytes]);
      const values = empty([blocks.size(0), block]);
      const step = Math.ceil(pieceElements / block);
      for (let start = 0; start < blocks.size(0); start += step) {
        const count = Math.min(step, blocks.size(0) - start);
        scope(() => {
          const columns = blocks.narrow(0, start, count).t().contiguous();
          values.narrow(0, start, count).copy_(codec.dequantize(columns).t());
        });
      }
      return values.view(shape);
    }),
  );
}
