// The batches of steps that are all alike: rows of packed documents. Batch k is a function of (seed, k).
import { deriveSeed } from '../base/index.ts';
import { makeBatch, PackedBatches, type TokenShards } from '../text/index.ts';
import type { StepBatch } from './step-gradients.ts';

interface Rows {
  sequenceLength: number;
  batchSize: number;
  gradientAccumulation: number;
  predictEnd: boolean;
  seed: number;
}

/** All batches, and the one of a step (from 0), which is written over by the next. */
export function packedSteps(
  shards: TokenShards,
  { sequenceLength, batchSize, gradientAccumulation, predictEnd, seed }: Rows,
): { batches: PackedBatches; batch: (step: number) => StepBatch } {
  const batches = new PackedBatches(shards, {
    sequenceLength,
    batchSize: batchSize * gradientAccumulation,
    seed: deriveSeed(seed, 'batches'),
    predictEnd,
  });
  const whole = makeBatch(batches.batchSize, batches.sequenceLength);
  const batch = (step: number) => ({
    batch: batches.batch(step, whole),
    microRows: batchSize,
    tokensSeen: (step + 1) * batches.tokensPerStep,
  });
  return { batches, batch };
}
