// A model whose weights leave memory between layers says what it says with all of them there.
import { describe, expect, it } from 'vitest';
import { generateIds } from '../../lm/index.ts';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { enginePredictor, openLean } from './index.ts';

const tiny = tinyModelOfFile();
const prompts = [
  [1, 270, 275, 280],
  [1, 290, 262, 300, 271, 272, 273],
];

describe('a lean model', () => {
  it('gives the same logits and texts, to the bit', async () => {
    using lean = openLean(tiny.folder);
    using whole = tiny.load();
    const [ours, theirs] = [lean.predictor('lean'), enginePredictor(whole, 'whole')];
    for (const ids of prompts) expect(await ours.nextLogits(ids)).toEqual(await theirs.nextLogits(ids));
    expect(await ours.greedy(prompts, 6, [2])).toEqual(await theirs.greedy(prompts, 6, [2]));
  });
});

it('texts written together are those written one by one', async () => {
  using model = tiny.load();
  const alone = prompts.map((ids) => [...generateIds(model, ids, { maxTokens: 6, temperature: 0, stopIds: [2] })]);
  expect(await enginePredictor(model, 'together').greedy(prompts, 6, [2])).toEqual(alone);
  expect(await enginePredictor(model, 'together').greedy(prompts, 0, [2])).toEqual([[], []]);
});
