// How ranks take steps together follows from the setting `shard`, and from nothing else.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { initialWeights, Plamo2, preset } from '../lm/index.ts';
import { GradientBuckets, GradientShards, OptimizerShards, solo, WeightShards } from '../mesh/index.ts';
import { toldMesh } from '../mesh/told-mesh.testing.ts';
import { trainable } from '../nn/index.ts';
import { AdamW, decayGroups } from '../optim/index.ts';
import { type Batch, IGNORED, makeBatch } from '../text/index.ts';
import { scope, type Tensor } from '../torch/index.ts';
import { exchangeOver } from './exchange-over.ts';
import { stepGradients } from './step-gradients.ts';
import { tinyModel } from './train.testing.ts';

const tiny = () => new Plamo2(preset('mini', { ...tinyModel, vocab_size: 96 }), initialWeights(3));

it.each([
  ['none', GradientBuckets],
  ['zero1', OptimizerShards],
  ['zero2', GradientShards],
  ['zero3', WeightShards],
] as const)('%s is what it says, and each rank has state of its part alone', (shard, kind) => {
  using model = tiny();
  using optimizer = new AdamW(decayGroups(model));
  const mesh = toldMesh(1, 2);
  {
    using exchange = scope(() => exchangeOver(mesh, shard, model, optimizer)!);
    expect(exchange).toBeInstanceOf(kind);
    expect(model.weightHolder !== undefined).toBe(shard === 'zero3');
    scope(() => {
      for (const { values } of exchange.pieces ?? []) values.grad = values.detach().clone();
      if (shard === 'none') for (const each of trainable(model)) each.grad = each.detach().clone();
    });
    optimizer.step(1e-3);
    const numbers = (of: readonly Tensor[]) => of.reduce((sum, each) => sum + each.numel(), 0);
    const share = numbers(Object.values(optimizer.state().tensors)) / (2 * numbers(trainable(model)));
    expect(share).toBeCloseTo(shard === 'none' ? 1 : 0.5, 1);
    optimizer.zeroGrad();
  }
  model.weightHolder = undefined;
});

it('is nothing where there is one process', () => {
  using model = tiny();
  using optimizer = new AdamW(decayGroups(model));
  expect(exchangeOver(solo, 'zero3', model, optimizer)).toBeUndefined();
});

it('refuses what cannot be cut', () => {
  using model = tiny();
  const own = { step() {} } as AdamW;
  const { code } = thrown(ConfigError, () => exchangeOver(toldMesh(0, 2), 'zero1', model, own));
  expect(code).toBe('optimizer-is-whole');
});

// --- the rows of a rank -------------------------------------------------------------------------------------------------

const columns = 6;
/** Rows of tokens; of row r, the first `targets[r]` predict something. */
function batchOf(targets: readonly number[]): Batch {
  const batch = makeBatch(targets.length, columns);
  for (let i = 0; i < batch.tokens.length; i++) {
    batch.tokens[i] = (7 * i) % 90;
    batch.targets[i] = i % columns < targets[Math.floor(i / columns)]! ? (11 * i + 3) % 90 : IGNORED;
  }
  batch.predicted = targets.reduce((sum, each) => sum + each, 0);
  return batch;
}

it.each([
  [1, 3],
  [2, 1],
  [3, 1],
  [3, 3],
  [5, 1],
])(
  'the gradients of %i ranks, of %i rows at a time, add up to those of all, by the targets of all',
  (world, microRows) => {
    using model = tiny();
    const batch = { batch: batchOf([5, 1, 0, 3, 2]), microRows, tokensSeen: 30 };
    const settings = { dtype: 'float32', activationCheckpointing: false, zLoss: 0.1 } as const;
    const taken = () => {
      const found = scope(() => trainable(model).map((each) => (each.grad?.flatten().tolist() as number[]) ?? []));
      for (const each of trainable(model)) each.grad = undefined;
      return found;
    };
    const alone = stepGradients(model, () => batch, settings)(0);
    const wanted = taken();
    let rounds: number | undefined;
    const sums = wanted.map((values) => values.map(() => 0));
    for (let rank = 0; rank < world; rank++) {
      let [last, backwards] = [0, 0];
      const within = {
        mesh: toldMesh(rank, world),
        beforeLast: () => void last++,
        afterBackward: () => void backwards++,
      };
      const { loss, tokens, metrics, rankSeconds = [] } = stepGradients(model, () => batch, settings, within)(0);
      // The others say what this one says.
      expect(rankSeconds).toHaveLength(world === 1 ? 0 : world);
      if (world === 1) expect([loss, tokens, metrics]).toEqual([alone.loss, alone.tokens, alone.metrics]);
      for (const [i, values] of taken().entries()) for (const [k, value] of values.entries()) sums[i]![k]! += value;
      rounds ??= backwards;
      expect(backwards, 'as often as the others').toBe(rounds);
      expect(last).toBe(Math.floor(((rank + 1) * 5) / world) > Math.floor((rank * 5) / world) ? 1 : 0);
    }
    const largest = Math.max(...wanted.flat().map(Math.abs));
    const distances = wanted.flatMap((values, i) => values.map((value, k) => Math.abs(value - sums[i]![k]!)));
    expect(Math.max(...distances) / largest).toBeLessThan(1e-5);
  },
);

it('of ranks that share rows one counts their tokens', () => {
  using model = tiny();
  const batch = { batch: batchOf([5, 1]), microRows: 1, tokensSeen: 12 };
  const settings = { dtype: 'float32', activationCheckpointing: false, zLoss: 0 } as const;
  const lossOf = () => ({ loss: trainable(model)[0]!.sum() });
  const tokens = [0, 1].map((rank) => {
    const mesh = toldMesh(rank, 2);
    const rows = { among: { rank: 0, world: 1 }, group: mesh };
    return stepGradients(model, () => batch, settings, { mesh, rows, lossOf })(0).tokens;
  });
  trainable(model)[0]!.grad = undefined;
  expect(tokens).toEqual([2 * 12, 0]); // the others say what this one says
});
