// The gradients of a step: a mean over all its targets however they are dealt out, and nothing where there is nothing to predict.
import { describe, expect, it } from 'vitest';
import type { Plamo2 } from '../lm/index.ts';
import { solo } from '../mesh/index.ts';
import { toldMesh } from '../mesh/told-mesh.testing.ts';
import { namedParameters } from '../nn/index.ts';
import { type Batch, type Example, type ExampleBatch, IGNORED, layOut, makeBatch } from '../text/index.ts';
import { backward, scope, tensor } from '../torch/index.ts';
import { type LossFunction, nextTokenLoss } from './loss-function.ts';
import { computeType, stepGradients } from './step-gradients.ts';
import { smallModel } from './steps.testing.ts';

const columns = 6;
const settings = { dtype: 'float32', activationCheckpointing: false, zLoss: 0 } as const;

/** Rows of tokens; of row r, the first `targets[r]` predict something. */
function batchOf(targets: readonly number[]): Batch {
  const batch = makeBatch(targets.length, columns);
  batch.tokens.forEach((_, i) => {
    batch.tokens[i] = (7 * i) % 90;
  });
  batch.targets.forEach((_, i) => {
    batch.targets[i] = i % columns < targets[Math.floor(i / columns)]! ? (11 * i + 3) % 90 : IGNORED;
  });
  batch.predicted = targets.reduce((sum, each) => sum + each, 0);
  return batch;
}

const gradientsOf = (model: Plamo2) =>
  namedParameters(model).map(
    ([name, each]) => [name, scope(() => each.grad?.flatten().tolist() ?? [])] as [string, number[]],
  );
const clear = (model: Plamo2) => {
  for (const [, each] of namedParameters(model)) each.grad = undefined;
};

it('is the mean over all targets, with micro-batches that hold different numbers of them', () => {
  using model = smallModel();
  const targets = [5, 1, 0, 3];
  const { loss } = stepGradients(model, () => ({ batch: batchOf(targets), microRows: 1, tokensSeen: 0 }), settings)(0);
  const found = gradientsOf(model);
  clear(model);
  // By hand: cross-entropy of each target, summed and divided once.
  const batch = batchOf(targets);
  const expected = scope(() => {
    const shape = [4, columns];
    const ids = tensor(batch.tokens, { shape, dtype: 'int64' });
    const documents = tensor(batch.documents, { shape });
    const logs = model.logits(model.forward(ids, { documents })).logSoftmax(-1);
    let total = tensor(0);
    batch.targets.forEach((target, i) => {
      if (target !== IGNORED)
        total = total.sub(
          logs
            .select(0, Math.floor(i / columns))
            .select(0, i % columns)
            .select(0, target),
        );
    });
    const mean = total.div(9);
    backward(mean);
    return mean.item();
  });
  expect(loss).toBeCloseTo(expected, 5);
  for (const [i, [name, values]] of gradientsOf(model).entries()) {
    expect(found[i]![0]).toBe(name);
    expect(Math.max(...values.map((value, k) => Math.abs(value - found[i]![1][k]!))), name).toBeLessThan(1e-5);
  }
  clear(model);
});

it('is 0 without gradients where there is nothing to predict', () => {
  using model = smallModel();
  const step = stepGradients(model, () => ({ batch: batchOf([0, 0]), microRows: 1, tokensSeen: 12 }), settings);
  expect(step(0)).toEqual({ loss: 0, tokens: 12, tokensSeen: 12, metrics: { meanSquaredLogsumexp: 0 } });
  expect(gradientsOf(model).every(([, values]) => values.length === 0)).toBe(true);
});

it('adds up, over micro-batches, what a loss tells besides, as a mean over the targets of the step', () => {
  using model = smallModel();
  const batch = { batch: batchOf([5, 1, 0, 3]), microRows: 2, tokensSeen: 0 };
  const sums = [[6, 1], [3]];
  const lossOf: LossFunction = (network, rows, options, step) => {
    const [first, second] = sums[rows.ids.select(0, 0).select(0, 0).item() === 0 ? 0 : 1]!;
    const told = { first: first!, ...(second !== undefined && { second }), step };
    return { ...nextTokenLoss(network, rows, options, step), sums: () => told };
  };
  const { metrics } = stepGradients(model, () => batch, settings, { lossOf })(18);
  expect(metrics).toEqual({ first: 1, second: 1 / 9, step: 4 });
  const plain: LossFunction = (network, rows, options, step) => {
    const { loss } = nextTokenLoss(network, rows, options, step);
    return { loss };
  };
  expect(stepGradients(model, () => batch, settings, { lossOf: plain })(0).metrics).toEqual({});
  clear(model);
});

it('tells the mean squared logsumexp of the targets', () => {
  using model = smallModel();
  const batch = batchOf([5, 1, 0, 3]);
  const { metrics } = stepGradients(model, () => ({ batch, microRows: 1, tokensSeen: 0 }), settings)(0);
  clear(model);
  const expected = scope(() => {
    const shape = [4, columns];
    const documents = tensor(batch.documents, { shape });
    const hidden = model.forward(tensor(batch.tokens, { shape, dtype: 'int64' }), { documents });
    const squares = model.logits(hidden).logsumexp([-1]).square();
    return squares.mul(tensor(batch.targets, { shape }).ne(IGNORED).to('float32')).sum().item() / 9;
  });
  expect(metrics['meanSquaredLogsumexp']! / expected).toBeCloseTo(1, 5);
});

it('computes in the parameters’ own type unless told otherwise', () => {
  expect([computeType('float32'), computeType('bfloat16')]).toEqual([undefined, 'bfloat16']);
});

/** Rows of their own, of examples of these lengths. */
function examplesOf(lengths: readonly number[]): ExampleBatch {
  const examples = lengths.map((length, row): Example => {
    const ids = Int32Array.from({ length }, (_, i) => (5 * i + row) % 90);
    return { ids, learned: new Uint8Array(length).fill(1, 1), source: { file: 'examples', row } };
  });
  return layOut(examples, { layout: 'padded', sequenceLength: Math.max(...lengths) });
}

it.each([
  ['a row', batchOf([5])],
  ['rows of examples, the first as long as the others together', examplesOf([40, 6, 5])],
])('lets the first rank see what parts give, of more ranks than rows: %s', (_, batch) => {
  using model = smallModel();
  let seen = 0;
  stepGradients(model, () => ({ batch, microRows: 1, tokensSeen: 0 }), settings, {
    mesh: toldMesh(0, batch.rows + 1),
    onPart: () => () => void seen++,
  })(0);
  clear(model);
  expect(seen).toBeGreaterThan(0);
});

describe('over ranks that have to', () => {
  const cases: [what: string, batch: Batch, microRows: number, groups: number, rounds: number][] = [
    ['rows of one length', batchOf([5, 5, 5]), 1, 2, 2],
    ['fewer rows than ranks', batchOf([5, 5]), 1, 3, 1],
    // The longest is half of all: one rank has it, the other seven.
    ['examples of many lengths', examplesOf([26, 10, 5, 3, 3, 2, 2, 2]), 4, 2, 2],
    ['one example', examplesOf([12]), 1, 3, 1],
  ];
  it.each(cases)('goes backward equally often: %s', (_, batch, microRows, groups, rounds) => {
    using model = smallModel();
    // Alone in its group, and with another rank for each row.
    for (const ranksPerRow of [1, 2]) {
      const found = Array.from({ length: groups }, (_, rank) => {
        let backwards = 0;
        stepGradients(model, () => ({ batch, microRows, tokensSeen: 0 }), settings, {
          mesh: toldMesh(rank * ranksPerRow, groups * ranksPerRow),
          rows: { among: { rank, world: groups }, group: solo },
          afterBackward: () => backwards++,
        })(0);
        return backwards;
      });
      expect(found, `${ranksPerRow} for each row`).toEqual(Array(groups).fill(rounds));
      clear(model);
    }
  });
});
