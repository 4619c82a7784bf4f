// Loss between the logits of a teacher and a student, as a plain function of whole logits: the twin of linearDistillation, and
// what heads that are no bare weight take.
import { ConfigError, checkChoice, checkNumber, checkOptions, type OptionNames, ShapeError } from '../../base/index.ts';
import { cat, noGrad, requireTensor, scope, type Tensor } from '../../torch/index.ts';
import { DEFAULT_BETA, type Divergence, divergence, divergences } from './divergence.ts';

export interface DistillationOptions {
  /** KL(teacher ‖ student) when left out; see `divergence`. */
  divergence?: Divergence | undefined;
  /** Weight of the teacher in the mixture, 0 < β < 1; 0.5 when left out. Of Jensen–Shannon alone. */
  beta?: number | undefined;
  /** Logits are divided by it, and the loss multiplied by its square; 1 when left out. */
  temperature?: number | undefined;
  /** Compare the teacher's k likeliest tokens, and all others as one outcome. All tokens when left out. */
  topK?: number | undefined;
  /** Over the targets that are not ignored; the mean over none of them is 0. Mean when left out. */
  reduction?: 'mean' | 'sum' | undefined;
}

export const distillationOptions: OptionNames<DistillationOptions> = {
  divergence: true,
  beta: true,
  temperature: true,
  topK: true,
  reduction: true,
};

/** What a teacher says of n tokens, as far as a top-k comparison needs it. */
export interface TopK {
  /** [n, k] int64: its likeliest tokens. */
  indices: Tensor;
  /** [n, k + 1]: their log-probabilities at the temperature, and that of all other tokens together. */
  logProbabilities: Tensor;
}

/** The options filled in. @throws ConfigError naming the one that is out of its range */
export function checkDistillation(
  owner: string,
  options: DistillationOptions,
  vocabularySize: number,
): { kind: Divergence; beta: number; temperature: number; topK: number | undefined; reduction: 'mean' | 'sum' } {
  const { divergence: kind = 'forward', beta = DEFAULT_BETA, temperature = 1, topK, reduction = 'mean' } = options;
  checkChoice(owner, 'divergence', kind, divergences);
  checkChoice(owner, 'reduction', reduction, ['mean', 'sum']);
  checkNumber(owner, 'beta', beta, { above: 0, below: 1 });
  checkNumber(owner, 'temperature', temperature, { above: 0 });
  if (topK !== undefined) checkNumber(owner, 'topK', topK, { min: 1, whole: true });
  if (topK !== undefined && topK > vocabularySize)
    throw new ConfigError('bad-setting', `topK is ${topK}, but the vocabulary has ${vocabularySize} tokens`, {
      remedy: `Set topK to ${vocabularySize} or less.`,
      fields: { topK, vocabularySize },
    });
  return { kind, beta, temperature, topK: topK === vocabularySize ? undefined : topK, reduction };
}

/** log softmax(logits / temperature), in f32 at least. */
export function logProbabilities(logits: Tensor, temperature: number): Tensor {
  const wide = logits.dtype === 'float64' ? logits : logits.float();
  return (temperature === 1 ? wide : wide.div(temperature)).logSoftmax(-1);
}

/** Log-probabilities of chosen tokens [n, k] and of all others together: [n, k + 1]. */
export function outcomesOf(logProbabilities: Tensor, indices: Tensor): Tensor {
  const chosen = logProbabilities.gather(-1, indices);
  const rest = logProbabilities.scatter(-1, indices, Number.NEGATIVE_INFINITY).logsumexp([-1], true);
  return cat([chosen, rest], -1);
}

/** The k likeliest tokens of logits [n, V], for a loss at this temperature. */
export function topKOf(logits: Tensor, k: number, temperature: number): TopK {
  return scope(() =>
    noGrad(() => {
      const all = logProbabilities(logits, temperature);
      const [, indices] = all.topk(k) as [Tensor, Tensor];
      return { indices, logProbabilities: outcomesOf(all, indices) };
    }),
  );
}

/**
 * T² · D(softmax(teacher / T) ‖ softmax(student / T)): the square keeps the gradients at the size they have at T = 1 (Hinton et al.
 * 2015, arXiv 1503.02531, section 2). With top-k, the tokens beside the teacher's k likeliest are one outcome on both sides (our
 * choice): that is 0 for equal distributions only up to what is inside of it, and never more than over all tokens.
 *
 * @param student logits [..., V]
 * @param teacher logits [..., V] of the same tokens; no gradient goes there
 * @param targets [...] int64; where they are −100, the token takes no part
 *
 * @throws ConfigError, ShapeError
 *
 * @example
 * ```ts
 * const [student, teacher] = [tensor([[0, 0]]), tensor([[Math.log(3), 0]])];
 * const loss = distillationLoss(student, teacher, tensor([1], { dtype: 'int64' }));
 * console.log(loss.item().toFixed(4)); // prints 0.1308
 * ```
 */
export function distillationLoss(
  student: Tensor,
  teacher: Tensor | TopK,
  targets: Tensor,
  options: DistillationOptions = {},
): Tensor {
  checkOptions('distillationLoss', options, distillationOptions);
  const V = student.size(-1);
  const { kind, beta, temperature, topK, reduction } = checkDistillation('distillationLoss', options, V);
  requireTensor('distillationLoss', 'targets', targets, 'int64');
  const N = targets.numel();
  if (student.numel() !== N * V) throw wrongShape('distillationLoss', student, targets);
  const ignored = targets.reshape([N]).eq(IGNORED);
  // Rows that take no part are replaced, not multiplied by 0: they may hold anything, and 0 · ∞ is not 0.
  const rows = (logits: Tensor) => logits.reshape([N, V]).maskedFill(ignored.unsqueeze(-1), 0);
  const all = logProbabilities(rows(student), temperature);
  const { indices, logProbabilities: taught } = scope(() => taughtBy(teacher, { rows, topK, temperature }));
  const losses = divergence(kind, taught.to(all.dtype), indices ? outcomesOf(all, indices) : all, beta);
  const total = losses
    .maskedFill(ignored, 0)
    .sum()
    .mul(temperature ** 2);
  return reduction === 'sum' ? total : total.div(ignored.logicalNot().sum().clamp(1));
}

/** The teacher's outcomes: over all tokens, or with the indices of the likeliest. */
export function taughtBy(
  teacher: Tensor | TopK,
  { rows, topK, temperature }: { rows(logits: Tensor): Tensor; topK: number | undefined; temperature: number },
): { indices?: Tensor; logProbabilities: Tensor } {
  if ('indices' in teacher) return teacher;
  return noGrad(() => {
    const logits = rows(teacher);
    return topK === undefined
      ? { logProbabilities: logProbabilities(logits, temperature) }
      : topKOf(logits, topK, temperature);
  });
}

export const IGNORED = -100;

export const wrongShape = (owner: string, student: Tensor, targets: Tensor) =>
  new ShapeError(
    'wrong-shape',
    `${owner}: expected a row for each of the targets [${targets.shape.join(', ')}], got [${student.shape.join(', ')}]`,
  );
