// The forecast of a rank's memory against what a rank measures: one process with the buckets of data parallelism, whose all-reduce is in
// place and takes no memory of its own.
import { expect, it } from 'vitest';
import { initialWeights, Plamo2, preset } from '../../lm/index.ts';
import { GradientBuckets, solo } from '../../mesh/index.ts';
import { parameters } from '../../nn/index.ts';
import { AdamW, decayGroups } from '../../optim/index.ts';
import { backward, memory, resetPeakMemory, scope, tensor } from '../../torch/index.ts';
import { rankMemory } from './rank-memory.ts';
import { rankShape } from './ranks.ts';

const config = preset('mini', { hidden_size: 128, intermediate_size: 320, vocab_size: 1024, num_attention_heads: 2 });

it('is within 10 % of the measured peak with none cut, whatever the micro-batches', () => {
  using model = new Plamo2(config, initialWeights(0));
  using optimizer = new AdamW(decayGroups(model));
  using buckets = scope(() => new GradientBuckets(solo, parameters(model)));
  const step = (batchSize: number, sequenceLength: number, micro: number, activationCheckpointing: boolean) => {
    buckets.begin();
    for (let i = 0; i < micro; i++) {
      if (i === micro - 1) buckets.beforeLast();
      scope(() => {
        const ids = tensor(
          Int32Array.from({ length: batchSize * sequenceLength }, (_, at) => (7919 * at) % 1024),
          { shape: [batchSize, sequenceLength], dtype: 'int64' },
        );
        backward(model.loss({ ids, targets: ids }, { activationCheckpointing }).loss);
      });
    }
    buckets.finish();
    optimizer.step(1e-3);
  };
  step(1, 32, 1, false);
  for (const [batchSize, sequenceLength, gradientAccumulation] of [
    [2, 128, 1],
    [4, 256, 1],
    [2, 64, 4],
  ] as const)
    for (const activationCheckpointing of [true, false]) {
      const shape = { batchSize, sequenceLength, gradientAccumulation, activationCheckpointing };
      const { runtime, ...held } = rankMemory(config, shape, { world: 2, shard: 'none' });
      const own = rankShape(shape, 2);
      resetPeakMemory();
      step(own.batchSize, sequenceLength, own.gradientAccumulation, activationCheckpointing);
      const ratio = Object.values(held).reduce((sum, bytes) => sum + bytes, 0) / memory().peakBytes;
      const name = `${JSON.stringify(shape)}: ${ratio}`;
      expect(ratio, name).toBeGreaterThan(0.9);
      expect(ratio, name).toBeLessThan(1.1);
      expect(runtime).toBeGreaterThan(0);
    }
});
