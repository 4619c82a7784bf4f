// The loss of a distillation: a forward of the teacher and one of the student, and what is between them.
import { type Batch, layerPath, type Plamo2 } from '../lm/index.ts';
import { distillationLoss, type LinearDistillationOptions, linearDistillation, type TeacherRows } from '../nn/index.ts';
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import type { DistillConfig } from './distill-config.ts';
import { hiddenLoss } from './hidden-loss.ts';
import type { LossFunction } from './loss-function.ts';
import type { Student } from './student.ts';

/** What a teacher says of a batch. */
interface Taught {
  logits: TeacherRows;
  /** Outputs [B, T, D] of the layers that are compared. */
  layers: readonly Tensor[];
}

/** Outputs of layers of a forward, in their order; hands on to another look. */
function collector(layers: readonly number[], other?: (path: string, output: Tensor) => void) {
  const found = new Map<string, Tensor>();
  const wanted = new Set(layers.map((layer) => layerPath(layer)));
  const onPart = (path: string, output: Tensor) => {
    other?.(path, output);
    if (wanted.has(path)) found.set(path, output);
  };
  return { onPart, outputs: () => layers.map((index) => found.get(layerPath(index))!) };
}

/** The teacher's forward, without gradients; of its layers' outputs the wanted ones are kept. */
export function taughtBy(teacher: Plamo2, { ids, documents }: Batch, layers: readonly number[]): Taught {
  const { hidden, outputs } = scope(() =>
    noGrad(() => {
      const collected = collector(layers);
      const found = teacher.forward(ids, { documents, onPart: collected.onPart });
      return { hidden: found.reshape([-1, found.size(-1)]), outputs: collected.outputs() };
    }),
  );
  return { logits: (from, n) => noGrad(() => teacher.logits(hidden.narrow(0, from, n))), layers: outputs };
}

/**
 * Σ over the targets of the divergence between the logits. Logits are never whole unless the student's head is more than a weight.
 *
 * @param hidden [B, T, D] of the student
 * @param logits of the teacher: [n, V], or the likeliest of each, for n of the B·T tokens
 * @param targets [B, T] int64; −100 is left out
 */
export function logitLoss(
  student: Plamo2,
  hidden: Tensor,
  logits: TeacherRows,
  targets: Tensor,
  options: Pick<LinearDistillationOptions, 'divergence' | 'beta' | 'temperature' | 'topK'> = {},
): Tensor {
  const weight = student.headWeight;
  const all = { ...options, reduction: 'sum' } as const;
  return weight
    ? linearDistillation(hidden, weight, logits, targets, { ...all, vocabularySize: student.config.vocab_size })
    : distillationLoss(student.logits(hidden), logits(0, targets.numel()), targets, all);
}

/** What the teacher says of a micro-batch, which begins at a row of a step. */
export type Teaching = (batch: Batch, step: number, firstRow: number) => Taught;

/**
 * @param teaching is asked only where logits or hidden states are compared
 * @param pairs of layers that are compared: [student, teacher]
 */
export function distillationOf(
  student: Student,
  teaching: Teaching,
  config: DistillConfig,
  pairs: readonly (readonly [number, number])[],
): LossFunction {
  const { logitWeight, languageWeight, hiddenWeight, hiddenLoss: kind = 'mse' } = config;
  const { divergence, beta, temperature, topK } = config;
  return (_, batch, { zLoss, onPart, reduction: _sum, ...forward }, step, firstRow = 0) => {
    const { ids, targets, documents } = batch;
    const taught = logitWeight > 0 || hiddenWeight > 0 ? teaching(batch, step, firstRow) : undefined;
    const collected = collector(
      pairs.map(([layer]) => layer),
      onPart,
    );
    const hidden = student.forward(ids, { ...forward, documents, onPart: collected.onPart });
    const terms: [name: string, weight: number, loss: Tensor][] = [];
    if (logitWeight > 0)
      terms.push([
        'divergence',
        logitWeight,
        logitLoss(student, hidden, taught!.logits, targets, { divergence, beta, temperature, topK }),
      ]);
    let crossEntropy: Tensor | undefined;
    if (languageWeight > 0) {
      const parts = student.lossOf(hidden, targets, { zLoss, reduction: 'sum' });
      crossEntropy = parts.crossEntropy;
      terms.push(['language', languageWeight, parts.loss]);
    }
    if (hiddenWeight > 0) {
      const counts = targets.ge(0).to('float32');
      const outputs = collected.outputs().map((output, i) => student.projections[i]?.forward(output) ?? output);
      const losses = outputs.map((output, i) => hiddenLoss(kind, output, taught!.layers[i]!, counts));
      terms.push(['hidden', hiddenWeight, losses.reduce((a, b) => a.add(b)).div(losses.length)]);
    }
    return {
      loss: terms.map(([, weight, loss]) => loss.mul(weight)).reduce((a, b) => a.add(b)),
      sums: () =>
        Object.fromEntries(
          terms.map(([name, , loss]) =>
            name === 'language' ? ['crossEntropy', crossEntropy!.item()] : [name, loss.item()],
          ),
        ),
    };
  };
}
