// A model whose numbers are not finite says nothing: every way to ask names where they come from.
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { namedParameters, tensorAt } from '../nn/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import { writeAll } from './engine/writing.testing.ts';
import { generateIds, type Plamo2, scoreBatch, tokenLogprobs } from './index.ts';
import { tinyModelOfFile } from './tiny-model.testing.ts';

const tiny = tinyModelOfFile();

/** Sets one number of a weight, or all. */
function spoil(model: Plamo2, name: string, value: number, all = false): void {
  const [, weight] = namedParameters(model).find(([path]) => path === name)!;
  noGrad(() =>
    scope(() => {
      (all ? weight : weight.flatten().narrow(0, 0, 1)).fill_(value);
    }),
  );
}

const together = [
  [1, 300, 270],
  [1, 290],
].map((prompt) => ({ prompt, maxTokens: 3 }));

const ids = [1, 300, 270, 280];
const ways: [string, (model: Plamo2) => unknown][] = [
  ['greedy', (model) => [...generateIds(model, ids)]],
  ['sampling', (model) => [...generateIds(model, ids, { temperature: 1, topK: 5 })]],
  ['many together', (model) => writeAll(model, together)],
  ['log-probabilities', (model) => tokenLogprobs(model, ids)],
  ['scores of many', (model) => [...scoreBatch(model, [{ ids, wanted: [{ position: 2, id: 5 }] }])]],
];

describe.each(ways)('%s', (_, ask) => {
  const refusal = (name: string, value: number, all = false): UserError => {
    using model = tiny.load();
    spoil(model, name, value, all);
    try {
      ask(model);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return error as UserError;
    }
    throw new Error('it answered');
  };

  it.each([
    ['model.layers.layers.1.mlp.down_proj.weight', Number.NaN, '1 NaN and 0 infinite values'],
    ['model.layers.layers.0.mixer.A_log', Number.NaN, '1 NaN and 0 infinite values'],
    ['model.norm.weight', Number.POSITIVE_INFINITY, '0 NaN and 1 infinite value'],
  ])('names the weight %s with %f in it', (name, value, count) => {
    const error = refusal(name, value);
    expect(error).toMatchObject({ code: 'not-finite', fields: { path: name } });
    expect(error.message).toContain(`the weight "${name}" holds ${count}`);
    expect(error.remedy).toContain('Get the model again');
  });

  it.each([
    ['model.layers.layers.2.post_mlp_norm.weight', 3e38, 'model.layers.layers.2'],
    ['model.norm.weight', 3e38, 'model.norm'],
  ])('names the first part that overflows for %s', (name, value, part) => {
    expect(refusal(name, value, true).message).toContain(
      `every weight is finite, but the numbers grow too large in ${part}`,
    );
  });
});

it('says at which token it happened', () => {
  using model = tiny.load();
  // The row of a token that the prompt does not have.
  const [first, second] = [...generateIds(model, ids, { maxTokens: 2 })];
  expect(second).not.toBe(first);
  noGrad(() =>
    scope(() => {
      tensorAt(model, 'model.embed_tokens.weight').select(0, second!).fill_(Number.NaN);
    }),
  );
  expect(() => [...generateIds(model, ids, { maxTokens: 5 })]).toThrow(
    /new token 1 of a text of 4 tokens: .* NaN for id \d+/,
  );
});
