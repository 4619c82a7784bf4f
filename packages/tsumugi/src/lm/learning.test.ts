// A hybrid of Mamba and attention learns to count, as in examples/learn-to-count.ts, at every seed.
import { expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { AdamW, decayGroups } from '../optim/index.ts';
import { backward, scope, tensor } from '../torch/index.ts';
import { generateIds, initialWeights, Plamo2, preset } from './index.ts';

const count = (from: number) =>
  tensor(
    Array.from({ length: 64 }, (_, i) => (from + i) % 32),
    { dtype: 'int64', shape: [1, 64] },
  );

// Measured, log10 of the last loss: −2.6, −2.7, −2.8.
it('learns to count', async () => {
  const logLoss = (seed: number) => {
    using model = new Plamo2(preset('mini', { num_hidden_layers: 2, vocab_size: 32 }), initialWeights(seed));
    using optimizer = new AdamW(decayGroups(model));
    let last = Number.NaN;
    for (let step = 1; step <= 60; step++)
      scope(() => {
        const { loss } = model.loss({ ids: count(step), targets: count(step + 1) });
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step(3e-3);
        last = loss.item();
      });
    optimizer.zeroGrad();
    expect([...generateIds(model, [5, 6, 7], { maxTokens: 8 })]).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    return Math.log10(last);
  };
  await expectOverSeeds(logLoss, { below: -1 }, [0, 1, 2]);
});
