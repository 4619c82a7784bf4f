// A step's gradients for next-token training: the batch goes through in micro-batches, and the loss is a mean over all
// targets of the step, so that accumulating them gives the gradients of one large batch.
import type { LanguageModel, LossOptions } from '../lm/index.ts';
import { checkMetrics, type StepLoss } from '../loop/index.ts';
import { gatherNumbers, type Mesh, ownSeconds, type RowGroups, solo, sumRecords } from '../mesh/index.ts';
import { type Batch, type ExampleBatch, filledColumns } from '../text/index.ts';
import { backward, type DType, scope } from '../torch/index.ts';
import { toTensors } from './batches.ts';
import { type LossFunction, nextTokenLoss } from './loss-function.ts';
import { ownRows } from './own-rows.ts';

export interface StepBatch {
  /** All rows of the step. */
  batch: Batch;
  /** Rows that go through at a time; the last time there may be fewer. */
  microRows: number;
  /** Tokens gone through when the step is done, since the run began. */
  tokensSeen: number;
}

export interface ComputeSettings {
  dtype: 'float32' | 'bfloat16';
  activationCheckpointing: boolean;
  zLoss: number;
}

/** What the model computes in; undefined for f32, the parameters' own. */
export const computeType = (dtype: ComputeSettings['dtype']): DType | undefined =>
  dtype === 'float32' ? undefined : dtype;

/**
 * Rows [first, first + rows) of a batch; of rows of examples the columns that one of these rows fills. `predicted` stays that of the
 * whole.
 */
export function rowsOf(batch: Batch | ExampleBatch, first: number, rows: number): Batch {
  const columns = 'placed' in batch ? filledColumns(batch, first, rows) : batch.columns;
  const part = (array: Int32Array) => {
    const whole = array.subarray(first * batch.columns, (first + rows) * batch.columns);
    if (columns === batch.columns) return whole;
    const cut = new Int32Array(rows * columns);
    for (let row = 0; row < rows; row++)
      cut.set(whole.subarray(row * batch.columns, row * batch.columns + columns), row * columns);
    return cut;
  };
  return {
    ...batch,
    rows,
    columns,
    tokens: part(batch.tokens),
    targets: part(batch.targets),
    documents: part(batch.documents),
  };
}

/** What a training brings into the forward of a step. */
export interface WithinStep {
  /** Instead of the model's own. */
  lossOf?: LossFunction | undefined;
  /** What a step's forwards are to call with what each part of the model gives. */
  onPart?: ((step: number) => LossOptions['onPart']) | undefined;
  /** The ranks that share the rows of each step. */
  mesh?: Mesh | undefined;
  /** Which of them share each row; none when left out. */
  rows?: RowGroups | undefined;
  /** Is called before the last backward of a step; not where there is none. */
  beforeLast?: (() => void) | undefined;
  /** Is called after it, before ranks tell each other anything. */
  afterLast?: (() => void) | undefined;
  /** Is called after each backward. Where it is there, all ranks go backward equally often in a step. */
  afterBackward?: (() => void) | undefined;
}

/**
 * A function that adds the gradients of step `step` (from 0) to the parameters' `.grad`: over several ranks those of this rank's rows,
 * while what it gives is of all rows. Each rank knows how many targets the whole step has, so gradients of ranks only have to be added up.
 */
export function stepGradients(
  model: LanguageModel,
  batchOf: (step: number) => StepBatch,
  { dtype, activationCheckpointing, zLoss }: ComputeSettings,
  { lossOf = nextTokenLoss, onPart, mesh = solo, rows: shared, beforeLast, afterLast, afterBackward }: WithinStep = {},
): (step: number) => StepLoss {
  const { among = mesh, group = solo } = shared ?? {};
  const options = {
    reduction: 'sum',
    zLoss,
    activationCheckpointing,
    dtype: computeType(dtype),
    ...(group.world > 1 && { sequenceParallel: group }),
  } as const;
  return (step) => {
    const { batch, microRows, tokensSeen } = batchOf(step);
    const { predicted } = batch;
    const secondsOf = ownSeconds(mesh);
    const { from, to, rounds } = ownRows(among, batch, microRows);
    let [loss, tokens] = [0, 0];
    const seen = onPart?.(step);
    const metrics: Record<string, number> = lossOf === nextTokenLoss ? { meanSquaredLogsumexp: 0 } : {};
    // Nothing to predict is a loss of 0 without gradients, not 0 / 0.
    for (let first = from; predicted > 0 && first < to; first += microRows) {
      scope(() => {
        const count = Math.min(microRows, to - first);
        const rows = toTensors(rowsOf(batch, first, count), model.parameterDevice);
        // Each rank of a group is given the whole rows: one of them counts.
        if (group.rank === 0) tokens += rows.ids.numel();
        const parts = lossOf(model, rows, { ...options, onPart: seen }, step, first);
        if (first + count === to) beforeLast?.();
        backward(parts.loss.div(predicted));
        afterBackward?.();
        loss += (parts.shown ?? parts.loss).item() / predicted;
        const sums = parts.sums?.() ?? {};
        checkMetrics('the loss’s sums()', sums);
        for (const [name, sum] of Object.entries(sums)) metrics[name] = (metrics[name] ?? 0) + sum / predicted;
      });
    }
    if (afterBackward && predicted > 0) {
      // With fewer rows than others have, a rank goes on with them: through a row that counts for nothing, the last, since of examples the
      // shortest ones come last.
      const last = batch.rows - 1;
      for (let done = Math.ceil((to - from) / microRows); done < rounds; done++)
        scope(() => {
          const rows = toTensors(rowsOf(batch, last, 1), model.parameterDevice);
          backward(lossOf(model, rows, options, step, last).loss.mul(0));
          afterBackward();
        });
    }
    const whole = { loss, tokens: predicted > 0 ? tokens : batch.rows * batch.columns, tokensSeen, metrics };
    if (mesh.world === 1) return whole;
    afterLast?.();
    const shares = gatherNumbers(mesh, { seconds: secondsOf(), loss, tokens, ...prefixed(metrics) });
    const sums = sumRecords(shares);
    return {
      ...whole,
      loss: sums['loss']!,
      ...(predicted > 0 && { tokens: sums['tokens']! }),
      metrics: Object.fromEntries(
        Object.entries(sums).flatMap(([name, sum]) =>
          name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), sum]] : [],
        ),
      ),
      rankSeconds: shares.map((share) => share['seconds']!),
    };
  };
}

/** Keeps a loss's own metrics apart from what every step has. */
const PREFIX = 'metric ';
const prefixed = (metrics: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [PREFIX + name, value]));
