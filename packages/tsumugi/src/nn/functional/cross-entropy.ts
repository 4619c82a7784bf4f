// Cross-entropy over a vocabulary, with the log-sum-exp penalty ("z-loss") that keeps logits from drifting: as a plain
// function of logits, and fused with the output projection, so that the logits [tokens, vocabulary] never exist whole.
import { checkChoice, checkNumber, checkOptions, type OptionNames, ShapeError } from '../../base/index.ts';
import {
  customOperator,
  empty,
  full,
  isGradEnabled,
  kernelTakes,
  noGrad,
  requireTensor,
  scope,
  stack,
  type Tensor,
  withGradient,
  zeros,
} from '../../torch/index.ts';

/** Targets with this value take no part, as in PyTorch. */
const ignoredTarget = -100;

export interface CrossEntropyOptions {
  /** Coefficient of the mean (or sum) of squared log-sum-exps; 0 when left out. PaLM (arXiv 2204.02311) uses 1e-4. */
  zLoss?: number | undefined;
  /** Over the targets that are not ignored; the mean over none of them is 0. Mean when left out. */
  reduction?: 'mean' | 'sum' | undefined;
}

function checkValues(owner: string, zLoss: number, reduction: 'mean' | 'sum'): void {
  checkNumber(owner, 'zLoss', zLoss, { min: 0 });
  checkChoice(owner, 'reduction', reduction, ['mean', 'sum']);
}

/**
 * −log softmax(logits)[target] + zLoss·logsumexp(logits)², in f32 at least.
 *
 * @param logits [..., V]
 * @param targets [...] int64
 *
 * @example
 * ```ts
 * const loss = crossEntropy(tensor([[0, 0]]), tensor([1], { dtype: 'int64' }));
 * console.log(loss.item().toFixed(4)); // prints 0.6931
 * ```
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions & { ignoreIndex?: number | undefined } = {},
): Tensor {
  checkOptions('crossEntropy', options, { zLoss: true, reduction: true, ignoreIndex: true });
  const { zLoss = 0, reduction = 'mean', ignoreIndex = ignoredTarget } = options;
  checkValues('crossEntropy', zLoss, reduction);
  requireTensor('crossEntropy', 'targets', targets, 'int64');
  checkNumber('crossEntropy', 'ignoreIndex', ignoreIndex, { whole: true });
  if (logits.shape.slice(0, -1).join() !== targets.shape.join())
    throw new ShapeError(
      'wrong-shape',
      `crossEntropy: logits [${logits.shape.join(', ')}] must be the shape of targets [${targets.shape.join(', ')}] and the classes`,
    );
  const ignored = targets.eq(ignoreIndex);
  const wide = logits.dtype === 'float64' ? logits : logits.float();
  // Rows that take no part are replaced, not multiplied by 0: they may hold anything, and 0 · ∞ is not 0.
  const rows = wide.maskedFill(ignored.unsqueeze(-1), 0);
  const normalizer = rows.logsumexp(-1);
  const chosen = rows.gather(-1, targets.maskedFill(ignored, 0).unsqueeze(-1)).squeeze(-1);
  const losses = normalizer.sub(chosen);
  const penalized = zLoss === 0 ? losses : losses.add(normalizer.square().mul(zLoss));
  const total = penalized.maskedFill(ignored, 0).sum();
  return reduction === 'sum' ? total : total.div(ignored.logicalNot().sum().clamp(1));
}

export interface LinearCrossEntropyOptions extends CrossEntropyOptions {
  /** Tokens whose logits exist at one time. */
  chunk?: number | undefined;
  /** Rows of the weight beyond this many are padding and take no part. All when left out. */
  vocabularySize?: number | undefined;
}

const linearOptions: OptionNames<LinearCrossEntropyOptions> = {
  zLoss: true,
  reduction: true,
  chunk: true,
  vocabularySize: true,
};

export interface LinearCrossEntropy {
  /** What to differentiate: cross-entropy plus z-loss. */
  loss: Tensor;
  /** Without the z-loss, detached. */
  crossEntropy: Tensor;
  /** The mean of squared log-sum-exps, without its coefficient, detached. */
  meanSquaredLogsumexp: Tensor;
  /** Targets that were not ignored: int64 []. */
  count: Tensor;
}

/** Logits that exist at one time, unless one asks otherwise: 64 MB in f32. */
const logitsAtOnce = 2 ** 24;
/** Fewer tokens than this make the weight's gradient, which each chunk reads and writes, the bottleneck. */
const fewestTokens = 512;

// With a place for the result: the logits' buffer, the gradients' rows.
const product = customOperator('aten::mm.out');
const addProduct_ = customOperator('aten::addmm_');
const kernel = customOperator('tsumugi::cross_entropy_');

/**
 * Cross-entropy of `hidden · weightᵀ` against the targets. Works through chunks of tokens and computes the gradients on
 * the way, while a chunk's logits are at hand; backward only scales them. The idea is Liger Kernel's (Hsu et al. 2024,
 * arXiv 2410.10989).
 *
 * @param hidden [..., D]
 * @param weight [at least the vocabulary, D]
 * @param targets [...] int64; −100 is ignored
 *
 * @example
 * ```ts
 * const { loss } = linearCrossEntropy(ones(1, 2), zeros(4, 2), tensor([3], { dtype: 'int64' }));
 * console.log(loss.item().toFixed(4)); // prints 1.3863
 * ```
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  options: LinearCrossEntropyOptions = {},
): LinearCrossEntropy {
  checkOptions('linearCrossEntropy', options, linearOptions);
  const { zLoss = 0, reduction = 'mean', vocabularySize = weight.size(0) } = options;
  checkValues('linearCrossEntropy', zLoss, reduction);
  checkNumber('linearCrossEntropy', 'vocabularySize', vocabularySize, { min: 1, whole: true });
  const [N, D] = [targets.numel(), weight.size(1)];
  if (hidden.numel() !== N * D || hidden.size(-1) !== D || vocabularySize > weight.size(0))
    throw new ShapeError(
      'wrong-shape',
      `linearCrossEntropy: expected hidden [..., D], weight [at least ${vocabularySize}, D] and targets [...], got [${hidden.shape.join(', ')}], [${weight.shape.join(', ')}] and [${targets.shape.join(', ')}]`,
    );
  const chunk = options.chunk ?? Math.max(fewestTokens, Math.floor(logitsAtOnce / vocabularySize));
  checkNumber('linearCrossEntropy', 'chunk', chunk, { min: 1, whole: true });
  return scope(() => {
    const recording = isGradEnabled();
    const inputs = [hidden, weight].filter((input) => recording && input.requiresGrad);
    const { sums, gradients, count, divisor } = noGrad(() => {
      const rows = targets.reshape([N]);
      const count = rows.ne(ignoredTarget).sum();
      // A sum asks for no number here: a device would have to finish the forward pass first.
      const divisor = reduction === 'sum' ? 1 : Math.max(1, count.item());
      const wanted = { hidden: inputs.includes(hidden), weight: inputs.includes(weight) };
      const settings = { vocabularySize, chunk, zLoss, scale: 1 / divisor, wanted };
      return { count, divisor, ...throughChunks(hidden, weight, rows, settings) };
    });
    const [total, squares] = sums.unbind(0) as [Tensor, Tensor];
    const crossEntropy = total.div(divisor);
    const dtype = hidden.dtype === 'float64' ? 'float64' : 'float32';
    const value = (zLoss === 0 ? crossEntropy : crossEntropy.add(squares.mul(zLoss / divisor))).to(dtype);
    return {
      loss: withGradient(value, inputs, gradients),
      crossEntropy: crossEntropy.to(dtype),
      meanSquaredLogsumexp: squares.div(count.clamp(1)).to(dtype),
      count,
    };
  });
}

/**
 * The same for an output layer of any kind, from its logits [..., V], which are whole in memory: for heads that are no bare
 * weight (adapted, quantized).
 *
 * @example
 * ```ts
 * const { loss, count } = logitsCrossEntropy(zeros(2, 4), tensor([3, -100], { dtype: 'int64' }));
 * console.log(loss.item().toFixed(4), count.item()); // prints 1.3863 1
 * ```
 */
export function logitsCrossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions = {},
): LinearCrossEntropy {
  checkOptions('logitsCrossEntropy', options, { zLoss: true, reduction: true });
  const { zLoss = 0, reduction = 'mean' } = options;
  const loss = crossEntropy(logits, targets, { zLoss, reduction });
  return scope(() =>
    noGrad(() => {
      const ignored = targets.eq(ignoredTarget);
      const count = ignored.logicalNot().sum();
      const squares = logits.detach().float().maskedFill(ignored.unsqueeze(-1), 0).logsumexp(-1).square();
      const total = squares.maskedFill(ignored, 0).sum();
      const penalty = reduction === 'sum' ? total.mul(zLoss) : total.mul(zLoss).div(count.clamp(1));
      return {
        loss,
        crossEntropy: loss.detach().sub(penalty),
        meanSquaredLogsumexp: total.div(count.clamp(1)),
        count,
      };
    }),
  );
}

interface ChunkSettings {
  vocabularySize: number;
  chunk: number;
  zLoss: number;
  /** Of each token's loss in the gradient. */
  scale: number;
  wanted: { hidden: boolean; weight: boolean };
}

/** [Σ loss, Σ lse²] in f64, and the gradients that are wanted, in the order hidden, weight. */
function throughChunks(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  { vocabularySize: V, chunk, zLoss, scale, wanted }: ChunkSettings,
): { sums: Tensor; gradients: Tensor[] } {
  const [N, D] = [targets.size(0), weight.size(1)];
  const { dtype, device } = hidden;
  const rows = hidden.reshape([N, D]);
  const used = weight.narrow(0, 0, V).to(dtype);
  const gradient = wanted.hidden || wanted.weight;
  const sums = zeros([2], { dtype: 'float64', device });
  const dHidden = wanted.hidden ? empty(hidden.shape, { dtype, device }) : undefined;
  const dWeight = wanted.weight ? zeros(weight.shape, { dtype: weight.dtype, device }) : undefined;
  const buffer = empty([Math.min(chunk, N), V], { dtype, device });
  for (let from = 0; from < N; from += chunk) {
    scope(() => {
      const n = Math.min(chunk, N - from);
      const x = rows.narrow(0, from, n);
      const logits = buffer.narrow(0, 0, n);
      product(x, used.t(), logits);
      const wantedRows = targets.narrow(0, from, n);
      sums.add_(
        kernelTakes('tsumugi::cross_entropy_', logits)
          ? kernel(logits, wantedRows, ignoredTarget, zLoss, scale, gradient)
          : crossEntropyPlain_(logits, wantedRows, { zLoss, scale, gradient }),
      );
      if (dHidden) product(logits, used, dHidden.view([N, D]).narrow(0, from, n));
      if (!dWeight) return;
      const sum = dWeight.narrow(0, 0, V);
      if (weight.dtype === dtype) addProduct_(sum, logits.t(), x);
      else sum.add_(logits.t().mm(x).to(weight.dtype));
    });
  }
  return { sums, gradients: [dHidden, dWeight].filter((each) => each !== undefined) };
}

/**
 * The plain twin of the kernel: [Σ loss, Σ lse²] in f64, and with `gradient` the logits [n, V] become
 * scale·d(Σ loss + zLoss·lse²)/dlogits.
 */
export function crossEntropyPlain_(
  logits: Tensor,
  targets: Tensor,
  { zLoss, scale, gradient }: { zLoss: number; scale: number; gradient: boolean },
): Tensor {
  return scope(() => {
    const ignored = targets.eq(ignoredTarget);
    const wide = logits.dtype === 'float64' ? logits : logits.float();
    const normalizer = wide.logsumexp(-1);
    const places = targets.maskedFill(ignored, 0).unsqueeze(-1);
    const losses = normalizer.sub(wide.gather(-1, places).squeeze(-1)).to('float64');
    const sums = [losses, normalizer.to('float64').square()].map((each) => each.maskedFill(ignored, 0).sum());
    if (gradient) {
      const probabilities = wide.sub(normalizer.unsqueeze(-1)).exp();
      probabilities.mul_(
        normalizer
          .mul(2 * zLoss)
          .add(1)
          .unsqueeze(-1),
      );
      probabilities.scatterAdd_(-1, places, full(places.shape, -1, { dtype: wide.dtype, device: logits.device }));
      logits.copy_(probabilities.mul_(scale).maskedFill_(ignored.unsqueeze(-1), 0));
    }
    return stack(sums);
  });
}
