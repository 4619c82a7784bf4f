// What writing and weighing do with their settings, where no other test looks.
import { describe, expect, it } from 'vitest';
import { tensor } from '../torch/index.ts';
import {
  BatchDecoder,
  type DecodeRequest,
  generateIds,
  generateText,
  initialWeights,
  Plamo2,
  tokenLogprobs,
} from './index.ts';
import { smallConfig } from './testing.ts';
import { TinyModel } from './tiny-model.ts';

const prompt = [1, 17, 230, 41];

function decode(model: Plamo2, request: Partial<DecodeRequest>): number[] {
  const ids: number[] = [];
  using decoder = new BatchDecoder(model);
  decoder.add({
    prompt,
    ...request,
    onId: (id) => {
      ids.push(id);
      return false;
    },
    onEnd: () => {},
  });
  while (decoder.busy) decoder.step();
  return ids;
}

describe.each([
  ['alone', (model: Plamo2, options: object) => [...generateIds(model, prompt, options)]],
  ['together', decode],
] as const)('writing, %s', (_, write) => {
  it('never chooses an id beyond the vocabulary of the tokenizer', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    const [likeliest] = write(model, { maxTokens: 1 });
    for (const temperature of [0, 5])
      for (const id of write(model, { maxTokens: 12, temperature, vocabularyLimit: likeliest! }))
        expect(id).toBeLessThan(likeliest!);
    expect(write(model, { maxTokens: 1, vocabularyLimit: likeliest! + 1 })).toEqual([likeliest]);
  });

  it('takes as many tokens as are allowed, also none', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    for (const maxTokens of [0, 1, 5]) expect(write(model, { maxTokens })).toHaveLength(maxTokens);
  });

  it('penalises ids that came before the prompt', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    const [likeliest] = write(model, { maxTokens: 1 });
    expect(prompt).not.toContain(likeliest);
    expect(write(model, { maxTokens: 1, repetitionPenalty: 100 })).toEqual([likeliest]);
    expect(write(model, { maxTokens: 1, repetitionPenalty: 100, earlier: [likeliest!] })).not.toEqual([likeliest]);
  });
});

it('weighs a long text in pieces as it does at once', () => {
  using model = new Plamo2(smallConfig(), initialWeights(2));
  const ids = Array.from({ length: 50 }, (_, i) => (i * 97 + 13) % 300);
  const whole = tokenLogprobs(model, ids);
  for (const chunk of [1, 7, 49]) {
    const pieces = tokenLogprobs(model, ids, { chunk });
    for (const [t, value] of whole.entries()) expect(Math.abs(pieces[t]! - value)).toBeLessThan(1e-5);
  }
});

it('finishes a character that an earlier turn began', () => {
  using tiny = new TinyModel();
  using model = tiny.load();
  const tokenizer = tiny.loadTokenizer();
  const [first, second, last] = [0xe9, 0xad, 0x9a].map((byte) => tokenizer.idOf(`<0x${byte.toString(16).toUpperCase()}>`)!) as [number, number, number]; // biome-ignore format: one line
  const row = Array.from({ length: model.config.vocab_size }, (_, id) => (id === last ? 1 : 0));
  model.logits = () => tensor(row, { shape: [1, 1, row.length] });
  for (const earlier of [0, 1]) {
    const read = [first, second];
    const settings = { earlier: read.slice(0, earlier), maxTokens: 1 };
    expect([...generateText(model, tokenizer, read.slice(earlier), settings)].join('')).toBe('魚');
  }
});

it.each([[-1], [0.5], [Number.NaN], [300]])('does not weigh the id %s, and says where it is', (id) => {
  using model = new Plamo2(smallConfig(), initialWeights(2));
  expect(() => tokenLogprobs(model, [1, 2, id, 4])).toThrow(`id ${id} at position 2 is not in the vocabulary of 300`);
});

it.each([1, 7, 20, 64])('names the first token that has no probability, in pieces of %i', (chunk) => {
  using model = new Plamo2(smallConfig(), initialWeights(2));
  const ids = Array.from({ length: 40 }, (_, i) => i + 1);
  const logits = model.logits.bind(model);
  let weighed = 0;
  model.logits = (hidden) => {
    const [rows, found] = [hidden.size(1), logits(hidden)];
    const place = 28 - weighed;
    weighed += rows;
    if (place >= 0 && place < rows) found.select(1, place).fill_(Number.NaN);
    return found;
  };
  expect(() => tokenLogprobs(model, ids, { chunk })).toThrow('id 30 at position 29 is NaN');
});

it('weighs in the type that was asked for', () => {
  using model = new Plamo2(smallConfig(), initialWeights(2));
  const [single, double] = [undefined, 'float64' as const].map((dtype) => tokenLogprobs(model, prompt, { dtype }));
  expect(double).not.toEqual(single);
  for (const [t, value] of single!.entries()) expect(Math.abs(double![t]! - value)).toBeLessThan(1e-4);
});
