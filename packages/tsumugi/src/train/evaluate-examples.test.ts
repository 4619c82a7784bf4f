// Held-out examples: loss and accuracy of each answer's tokens, one by one, whatever the rows.
import { expect, it } from 'vitest';
import { initialWeights, Plamo2, preset } from '../lm/index.ts';
import type { Example } from '../text/index.ts';
import { noGrad, scope, tensor } from '../torch/index.ts';
import { evaluateExamples, measuredExamples } from './evaluate-examples.ts';
import { someExamples } from './examples.testing.ts';
import { tinyModel } from './train.testing.ts';

const vocabulary = 60;
const make = (changes = {}) =>
  new Plamo2(preset('mini', { ...tinyModel, ...changes, vocab_size: vocabulary }), initialWeights(3));

/** Token by token: the text up to it, its logits, their softmax in JavaScript's numbers. */
function byHand(model: Plamo2, examples: readonly Example[]) {
  let [nats, right, predicted] = [0, 0, 0];
  for (const { ids, learned } of examples)
    for (let i = 1; i < ids.length; i++) {
      if (!learned[i]) continue;
      const logits = scope(() =>
        noGrad(() => {
          const before = tensor(ids.subarray(0, i), { shape: [1, i], dtype: 'int64' });
          return model.logits(model.forward(before)).select(1, i - 1).flatten().tolist() as number[]; // biome-ignore format: one thought
        }),
      );
      const most = Math.max(...logits);
      const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
      nats += Math.log(sum) + most - logits[ids[i]!]!;
      right += logits.indexOf(most) === ids[i] ? 1 : 0;
      predicted++;
    }
  return { crossEntropy: nats / predicted, accuracy: right / predicted, predicted };
}

it.each(['packed', 'padded'] as const)('are measured as by hand: %s', async (layout) => {
  using model = make();
  const examples = someExamples(7, vocabulary);
  // What the model would say, so that some are right.
  for (const { ids, learned } of examples)
    for (let i = 1; i < ids.length; i++) {
      if (!learned[i] || i % 2 === 0) continue;
      ids[i] = scope(() =>
        noGrad(() => {
          const before = tensor(ids.subarray(0, i), { shape: [1, i], dtype: 'int64' });
          return model
            .logits(model.forward(before))
            .select(1, i - 1)
            .flatten()
            .argmax(0)
            .item();
        }),
      );
    }
  const expected = byHand(model, examples);
  expect(expected.accuracy).toBeGreaterThan(0.3);
  const pauses: number[] = [];
  const found = await evaluateExamples(model, examples, {
    sequenceLength: 64,
    batchSize: 3,
    layout,
    pause: async () => void pauses.push(1),
  });
  expect(found.crossEntropy).toBeCloseTo(expected.crossEntropy, 5);
  expect(found.perplexity).toBeCloseTo(Math.exp(expected.crossEntropy), 3);
  expect([found.accuracy, found.predicted]).toEqual([expected.accuracy, expected.predicted]);
  expect(pauses).toHaveLength(3);
});

it('are the first that have so many tokens, one at least', async () => {
  using model = make();
  const examples = someExamples(4, vocabulary);
  const lengths = examples.map(({ ids }) => ids.length);
  const settings = { sequenceLength: 64, batchSize: 8, layout: 'packed' } as const;
  const all = await Promise.all([1, 2, 4].map((count) => evaluateExamples(model, examples.slice(0, count), settings)));
  const until = (maxTokens: number) => evaluateExamples(model, examples, { ...settings, maxTokens });
  expect(await until(1)).toEqual(all[0]);
  expect(await until(lengths[0]! + lengths[1]!)).toEqual(all[1]);
  expect(await until(lengths[0]! + lengths[1]! + lengths[2]! - 1)).toEqual(all[1]);
  expect(await until(10_000)).toEqual(all[2]);
});

it('are told of', () => {
  const found = { crossEntropy: 1.5, perplexity: Math.exp(1.5), accuracy: 0.345, predicted: 12 };
  expect(measuredExamples(found, 30)).toEqual({
    name: 'held-out',
    metrics: { crossEntropy: 1.5, perplexity: Math.exp(1.5), accuracy: 0.345 },
    score: 1.5,
    shown: "step 30: held-out loss of an answer's token 1.500, perplexity 4.48, 34.5 % of the tokens right",
  });
});
