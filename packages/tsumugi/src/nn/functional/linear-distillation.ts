// Distillation fused with the output projection: works through chunks of tokens and computes the gradients on the way, while a
// chunk's logits are at hand, so that neither the teacher's nor the student's logits [tokens, vocabulary] ever exist whole.
//
//   N tokens   D hidden size   V vocabulary   n tokens of a chunk
import { checkNumber, checkOptions, type OptionNames } from '../../base/index.ts';
import {
  customOperator,
  empty,
  isGradEnabled,
  noGrad,
  requireTensor,
  scope,
  type Tensor,
  withGradient,
  zeros,
} from '../../torch/index.ts';
import {
  checkDistillation,
  type DistillationOptions,
  distillationOptions,
  IGNORED,
  logProbabilities,
  outcomesOf,
  type TopK,
  taughtBy,
  wrongShape,
} from './distillation.ts';
import { type Divergence, divergence, divergenceSlope } from './divergence.ts';

/** Gives the teacher's logits [n, V] of tokens [from, from + n), or what was kept of them. */
export type TeacherRows = (from: number, n: number) => Tensor | TopK;

export interface LinearDistillationOptions extends DistillationOptions {
  /** Tokens whose logits exist at one time. */
  chunk?: number | undefined;
  /** Rows of the weight beyond this many are padding and take no part. All when left out. */
  vocabularySize?: number | undefined;
}

const linearOptions: OptionNames<LinearDistillationOptions> = {
  ...distillationOptions,
  chunk: true,
  vocabularySize: true,
};

/** Logits of one model that exist at one time, unless one asks otherwise: 32 MB in f32; about six such tensors do at a time. */
const logitsAtOnce = 2 ** 23;
/** Fewer tokens than this make the weight's gradient, which each chunk reads and writes, the bottleneck. */
const fewestTokens = 128;

/** Tokens of a chunk for this vocabulary. */
export const distillationChunk = (vocabularySize: number): number =>
  Math.max(fewestTokens, Math.floor(logitsAtOnce / vocabularySize));

const product = customOperator('aten::mm.out');
const addProduct_ = customOperator('aten::addmm_');

/**
 * `distillationLoss` of the student logits `hidden · weightᵀ`. Backward only scales what forward computed.
 *
 * @param hidden the student's [..., D]
 * @param weight the student's output layer [at least the vocabulary, D]
 * @param teacher is asked for its logits chunk by chunk
 * @param targets [...] int64; where they are −100, the token takes no part
 * @returns the loss, a scalar in f32 at least
 */
export function linearDistillation(
  hidden: Tensor,
  weight: Tensor,
  teacher: TeacherRows,
  targets: Tensor,
  options: LinearDistillationOptions = {},
): Tensor {
  checkOptions('linearDistillation', options, linearOptions);
  const { vocabularySize = weight.size(0) } = options;
  checkNumber('linearDistillation', 'vocabularySize', vocabularySize, { min: 1, max: weight.size(0), whole: true });
  const settings = checkDistillation('linearDistillation', options, vocabularySize);
  requireTensor('linearDistillation', 'targets', targets, 'int64');
  const [N, D] = [targets.numel(), weight.size(1)];
  if (hidden.numel() !== N * D || hidden.size(-1) !== D) throw wrongShape('linearDistillation', hidden, targets);
  const chunk = options.chunk ?? distillationChunk(vocabularySize);
  checkNumber('linearDistillation', 'chunk', chunk, { min: 1, whole: true });
  return scope(() => {
    const recording = isGradEnabled();
    const inputs = [hidden, weight].filter((input) => recording && input.requiresGrad);
    const { total, gradients, divisor } = noGrad(() => {
      const rows = targets.reshape([N]);
      const divisor = settings.reduction === 'sum' ? 1 : Math.max(1, rows.ne(IGNORED).sum().item());
      const wanted = { hidden: inputs.includes(hidden), weight: inputs.includes(weight) };
      return {
        divisor,
        ...throughChunks({ hidden, weight, targets: rows }, teacher, {
          ...settings,
          vocabularySize,
          chunk,
          divisor,
          wanted,
        }),
      };
    });
    const value = total.div(divisor).to(hidden.dtype === 'float64' ? 'float64' : 'float32');
    return withGradient(value, inputs, gradients);
  });
}

interface ChunkSettings {
  kind: Divergence;
  beta: number;
  temperature: number;
  topK: number | undefined;
  vocabularySize: number;
  chunk: number;
  divisor: number;
  wanted: { hidden: boolean; weight: boolean };
}

/** T² Σ D in f64, and the gradients that are wanted, in the order hidden, weight. */
function throughChunks(
  { hidden, weight, targets }: { hidden: Tensor; weight: Tensor; targets: Tensor },
  teacher: TeacherRows,
  settings: ChunkSettings,
): { total: Tensor; gradients: Tensor[] } {
  const { temperature, divisor, chunk, wanted } = settings;
  const [N, D] = [targets.size(0), weight.size(1)];
  const { dtype, device } = hidden;
  const rows = hidden.reshape([N, D]);
  const used = weight.narrow(0, 0, settings.vocabularySize).to(dtype);
  const total = zeros([], { dtype: 'float64', device });
  const dHidden = wanted.hidden ? empty(hidden.shape, { dtype, device }) : undefined;
  const dWeight = wanted.weight ? zeros(weight.shape, { dtype: weight.dtype, device }) : undefined;
  for (let from = 0; from < N; from += chunk) {
    scope(() => {
      const n = Math.min(chunk, N - from);
      const x = rows.narrow(0, from, n);
      const ignored = targets.narrow(0, from, n).eq(IGNORED);
      const { losses, slope } = compare(x.mm(used.t()), teacher(from, n), ignored, settings);
      total.add_(
        losses
          .to('float64')
          .sum()
          .mul_(temperature ** 2),
      );
      if (!slope) return;
      // d(T² D)/dlogits = T² · d(D)/d(logits / T) / T
      const dLogits = slope.mul_(temperature / divisor).to(dtype);
      if (dHidden) product(dLogits, used, dHidden.view([N, D]).narrow(0, from, n));
      if (!dWeight) return;
      const sum = dWeight.narrow(0, 0, settings.vocabularySize);
      if (weight.dtype === dtype) addProduct_(sum, dLogits.t(), x);
      else sum.add_(dLogits.t().mm(x).to(weight.dtype));
    });
  }
  return { total, gradients: [dHidden, dWeight].filter((each) => each !== undefined) };
}

/** D of each of n tokens, and with a gradient wanted ∂D/∂(logits / T) [n, V]; 0 where ignored. */
function compare(
  logits: Tensor,
  teacher: Tensor | TopK,
  ignored: Tensor,
  { kind, beta, temperature, topK, wanted }: ChunkSettings,
): { losses: Tensor; slope?: Tensor } {
  const out = ignored.unsqueeze(-1);
  return scope(() => {
    const all = logProbabilities(logits, temperature);
    const { indices, logProbabilities: given } = taughtBy(teacher, { rows: (each) => each, topK, temperature });
    const taught = given.to(all.dtype);
    const student = indices ? outcomesOf(all, indices) : all;
    const losses = divergence(kind, taught, student, beta).maskedFill_(ignored, 0);
    if (!wanted.hidden && !wanted.weight) return { losses };
    const { slope, total } = divergenceSlope(kind, taught, student, beta);
    const raised = slope.sub_(student.exp().mul_(total));
    if (!indices) return { losses, slope: raised.maskedFill_(out, 0) };
    // The rest's is shared among its tokens in proportion to what the student gives them.
    const k = indices.size(-1);
    const rest = (each: Tensor) => each.narrow(-1, k, 1);
    const shared = all.sub(rest(student)).exp_().mul_(rest(raised));
    return { losses, slope: shared.scatter_(-1, indices, raised.narrow(-1, 0, k)).maskedFill_(out, 0) };
  });
}
