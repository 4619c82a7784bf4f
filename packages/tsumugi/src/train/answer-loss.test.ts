// The loss of answers: that of the whole model, its gradients by differences, and no example that sees its neighbours.
import { expect, it } from 'vitest';
import { initialWeights, Plamo2, preset } from '../lm/index.ts';
import { gradcheck, namedParameters } from '../nn/index.ts';
import { type Example, IGNORED, layOut } from '../text/index.ts';
import { backward, noGrad, scope } from '../torch/index.ts';
import { answerLoss } from './answer-loss.ts';
import { toTensors } from './batches.ts';
import { exampleOf, someExamples } from './examples.testing.ts';
import { tinyModel } from './train.testing.ts';

const small = { hidden_size: 16, intermediate_size: 12, num_attention_heads: 2, hidden_size_per_head: 4, mamba_num_heads: 3, mamba_d_state: 4, attention_window_size: 6, mamba_chunk_size: 8 }; // biome-ignore format: a table
const make = (changes: object = {}) =>
  new Plamo2(preset('mini', { ...tinyModel, vocab_size: 90, ...changes }), initialWeights(3));
const batchOf = (examples: readonly Example[], layout: 'packed' | 'padded' = 'packed') =>
  layOut(examples, { layout, sequenceLength: 64 });
const gradients = (model: Plamo2) =>
  namedParameters(model).map(([, each]) => {
    const values = scope(() => each.grad!.flatten().tolist() as number[]);
    each.grad = undefined;
    return values;
  });

it.each([{}, { tie_word_embeddings: false }])(
  'is that of all positions, of which the others are ignored: %o',
  (changes) => {
    using model = make(changes);
    for (const layout of ['packed', 'padded'] as const) {
      const batch = batchOf(someExamples(6, 90), layout);
      const options = { reduction: 'sum', zLoss: 0.01 } as const;
      const both = [
        (tensors: ReturnType<typeof toTensors>) => model.loss(tensors, options),
        (tensors: ReturnType<typeof toTensors>) => answerLoss(model, tensors, batch.targets, options),
      ].map((lossOf) =>
        scope(() => {
          const { loss, crossEntropy, meanSquaredLogsumexp, count } = lossOf(toTensors(batch, 'cpu'));
          backward(loss);
          return {
            values: [loss, crossEntropy, meanSquaredLogsumexp, count].map((each) => each.item()),
            grads: gradients(model),
          };
        }),
      );
      const [whole, answers] = both as [(typeof both)[0], (typeof both)[0]];
      expect(answers.values[3]).toBe(batch.predicted);
      for (const [i, value] of whole.values.entries()) expect(answers.values[i]).toBeCloseTo(value, 3);
      for (const [i, values] of whole.grads.entries())
        for (const [k, value] of values.entries()) expect(Math.abs(answers.grads[i]![k]! - value)).toBeLessThan(1e-4);
    }
  },
);

it('has the gradients that differences give, through packed rows with parts that are not learned', () => {
  using model = make({ ...small, vocab_size: 24 }).to('float64') as Plamo2;
  const examples = [
    exampleOf(1, 1, 5, -6, -2, 7, 8, -9, -2),
    exampleOf(2, 1, 10, 11, -12, -13, -2),
    exampleOf(3, 1, -4, -2),
  ];
  const batch = batchOf(examples);
  expect([batch.rows, new Set(batch.documents).size]).toEqual([1, 3]);
  const { ids, targets, documents } = scope(() => toTensors(batch, 'cpu'));
  // One of each kind of layer, and what is used by both ends.
  const chosen = namedParameters(model).filter(([name]) =>
    /embed_tokens|layers\.0\.mixer\.(conv1d|dt_bias|A_log|bcdt)|layers\.1\.mixer\.qkv|layers\.1\.mixer\.q_weight|layers\.0\.post_mlp/.test(
      name,
    ),
  );
  expect(chosen.length).toBeGreaterThanOrEqual(7);
  scope(() =>
    gradcheck(
      () => answerLoss(model, { ids, targets, documents }, batch.targets, { reduction: 'mean' }).loss,
      chosen.map(([, parameter]) => parameter),
      { names: chosen.map(([name]) => name), rtol: 1e-4 },
    ),
  );
  for (const each of [ids, targets, documents!]) each.dispose();
}, 60_000);

it('lets no example see its neighbours in the row: its loss is that of the example alone, whatever they are', () => {
  using model = make();
  const lossOf = (examples: readonly Example[], own: number) => {
    const batch = batchOf(examples);
    expect(batch.rows).toBe(1);
    const { row, column, example } = batch.placed.find(({ position }) => position === own)!;
    const from = row * batch.columns + column;
    const targets = batch.targets.map((target, i) => (i >= from && i < from + example.ids.length ? target : IGNORED));
    return scope(() =>
      noGrad(() => answerLoss(model, toTensors(batch, 'cpu'), targets, { reduction: 'sum' }).loss.item()),
    );
  };
  const own = exampleOf(1, 1, 5, 6, 7, -8, -9, -2);
  const alone = lossOf([own], 0);
  // Longer ones lie before it, shorter ones behind.
  const long = (token: number) => exampleOf(2, 1, ...Array(20).fill(token), -token, -2);
  const short = (token: number) => exampleOf(3, 1, token, -2);
  const neighbours = [[long(8)], [long(9), short(8)], [short(20)], [own]];
  for (const others of neighbours) expect(Math.abs(lossOf([own, ...others], 0) - alone)).toBeLessThan(1e-5);
  // Where it has seen what it is to say, it would be surer: the test can tell.
  const joined = exampleOf(4, 1, 5, 6, 7, 8, 9, 2, 1, 5, 6, 7, -8, -9, -2);
  expect(Math.abs(lossOf([joined], 0) - alone)).toBeGreaterThan(1e-4);
});
