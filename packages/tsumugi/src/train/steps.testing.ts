// Steps of a small model over ranks, without a run: what each kind of exchange makes of the same rows.
import { hash } from 'node:crypto';
import { initialWeights, Plamo2, preset } from '../lm/index.ts';
import { gradientStep } from '../loop/index.ts';
import { GradientBuckets, GradientShards, type Mesh, OptimizerShards, type StepExchange, solo } from '../mesh/index.ts';
import { namedParameters, trainable } from '../nn/index.ts';
import { AdamW } from '../optim/index.ts';
import { type Batch, IGNORED, makeBatch } from '../text/index.ts';
import { scope } from '../torch/index.ts';
import { exchangeOver } from './exchange-over.ts';
import { type LossFunction, nextTokenLoss } from './loss-function.ts';
import type { Shard } from './scale/shards.ts';
import { stepGradients } from './step-gradients.ts';
import { tinyModel } from './train.testing.ts';

export const smallModel = () => new Plamo2(preset('mini', { ...tinyModel, vocab_size: 96 }), initialWeights(3));

/** Rows of tokens, other ones in each step. Those of row r that predict something are the fewer the larger r is. */
function batchOf(rows: number, columns: number, step: number): Batch {
  const batch = makeBatch(rows, columns);
  for (let i = 0; i < rows * columns; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    batch.tokens[i] = (7 * i + 13 * step) % 90;
    batch.targets[i] = column < columns - row ? (11 * i + 3 + step) % 90 : IGNORED;
    if (batch.targets[i] !== IGNORED) batch.predicted++;
  }
  return batch;
}

export interface StepsSettings {
  shard: Shard;
  /** Default: that of trainings. */
  bucketBytes?: number;
  /** Rows that go through at a time, of four. */
  microRows: number;
  /** All ranks share each row. */
  sharesRows?: boolean;
  /** A rank that sleeps so many milliseconds in each loss. */
  slow?: { rank: number; milliseconds: number };
}

export interface StepsTaken {
  losses: number[];
  norms: number[];
  /** Of all weights in the end. */
  weights: string;
  /** What the progress line says of the last step besides. */
  note: string | undefined;
}

const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Three steps of AdamW. */
export function takeSteps(
  mesh: Mesh,
  { shard, bucketBytes, microRows, sharesRows = false, slow }: StepsSettings,
): StepsTaken {
  using model = smallModel();
  using optimizer = new AdamW(model);
  using exchange = exchangeIn(mesh, model, optimizer, shard, bucketBytes);
  exchange?.weights?.settle();
  const lossOf: LossFunction = (...of) => {
    if (slow?.rank === mesh.rank) Atomics.wait(asleep, 0, 0, slow.milliseconds);
    return nextTokenLoss(...of);
  };
  const gradients = stepGradients(
    model,
    (step) => ({ batch: batchOf(4, 12, step), microRows, tokensSeen: 0 }),
    { dtype: 'float32', activationCheckpointing: false, zLoss: 0 },
    {
      lossOf,
      mesh,
      ...(sharesRows && { rows: { among: { rank: 0, world: 1 }, group: mesh } }),
      beforeLast: exchange && (() => exchange.beforeLast()),
      afterLast: exchange && (() => exchange.afterLast()),
      afterBackward: exchange?.afterBackward && (() => exchange.afterBackward!()),
    },
  );
  // Nothing is clipped: the norm is rounded in another order where it is of parts.
  const take = gradientStep({ model, optimizer, learningRate: 1e-3, schedule: () => 1, clipNorm: 1e9, gradients, exchange, mesh }); // biome-ignore format: one line
  const steps = [0, 1, 2].map((step) => take(step, 0));
  exchange?.weights?.gather();
  const weights = scope(() => namedParameters(model).map(([, weight]) => Buffer.from(weight.detach().bytes())));
  optimizer.zeroGrad();
  return {
    losses: steps.map(({ event }) => event!.loss!),
    norms: steps.map(({ event }) => event!.gradNorm!),
    weights: hash('sha256', Buffer.concat(weights)),
    note: steps[2]!.progress.note,
  };
}

function exchangeIn(
  mesh: Mesh,
  model: Plamo2,
  optimizer: AdamW,
  shard: Shard,
  bucketBytes: number | undefined,
): StepExchange | undefined {
  if (bucketBytes === undefined || shard === 'zero3') return exchangeOver(mesh, shard, model, optimizer);
  if (mesh === solo) return undefined;
  if (shard === 'none') return new GradientBuckets(mesh, trainable(model), bucketBytes);
  const Shards = { zero1: OptimizerShards, zero2: GradientShards }[shard];
  const made = new Shards(mesh, trainable(model), bucketBytes);
  optimizer.cut(made.pieces);
  return made;
}
