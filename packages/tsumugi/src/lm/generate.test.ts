// What writing and weighing do with their settings, where no other test looks.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { liveHandles, scope, tensor } from '../torch/index.ts';
import { row, writeAll } from './engine/writing.testing.ts';
import {
  Engine,
  type GenerateOptions,
  generateIds,
  generateText,
  initialWeights,
  Plamo2,
  tokenLogprobs,
} from './index.ts';
import { smallConfig } from './lm.testing.ts';
import { TinyModel } from './tiny-model.testing.ts';

const prompt = [1, 17, 230, 41];

const together = (model: Plamo2, options: GenerateOptions): number[] =>
  writeAll(model, [{ prompt: [5, 6] }, { prompt, ...options }])[1]!.ids;

describe.each([
  ['alone', (model: Plamo2, options: GenerateOptions) => [...generateIds(model, prompt, options)]],
  ['together', together],
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

  it('penalises the ids of the prompt, and those that were written', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    const written = write(model, { maxTokens: 25, repetitionPenalty: 100 });
    // At this penalty nothing comes twice as long as there is something new.
    expect(new Set([...prompt, ...written]).size).toBe(prompt.length + 25);
    const free = write(model, { maxTokens: 60 });
    const again = free.findIndex((id, t) => [...prompt, ...free.slice(0, t)].includes(id));
    expect(again).toBeGreaterThan(0);
    // The likeliest id after this prompt is one of it.
    const longer = [...prompt, ...free.slice(0, again)];
    expect([...generateIds(model, longer, { maxTokens: 1 })]).toEqual([free[again]]);
    const [other] = generateIds(model, longer, { maxTokens: 1, repetitionPenalty: 100 });
    expect(longer).not.toContain(other);
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

it('finishes a character that its prompt began', () => {
  using tiny = new TinyModel();
  using model = tiny.load();
  const tokenizer = tiny.loadTokenizer();
  const [first, second, last] = [0xe9, 0xad, 0x9a].map(
    (byte) => tokenizer.idOf(`<0x${byte.toString(16).toUpperCase()}>`)!,
  ) as [number, number, number];
  const logits = Array.from({ length: model.config.vocab_size }, (_, id) => (id === last ? 1 : 0));
  model.logits = () => tensor(logits, { shape: [1, 1, logits.length] });
  for (const before of [[], [1, 300]])
    expect([...generateText(model, tokenizer, [...before, first, second], { maxTokens: 1 })].join('')).toBe('魚');
});

it('takes one stop string as it takes a list of one', () => {
  using tiny = new TinyModel();
  using model = tiny.load();
  const tokenizer = tiny.loadTokenizer();
  const write = (stop: string | string[]) =>
    [...generateText(model, tokenizer, '猫', { stop, maxTokens: 40, temperature: 1, seed: 5, stopIds: [] })].join('');
  const whole = write([]);
  const stop = [...whole].slice(4, 6).join('');
  expect([write(stop), write([stop])]).toEqual(Array(2).fill(whole.slice(0, whole.indexOf(stop))));
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

describe('a loop over what is written', () => {
  it('may be left early, and frees everything then', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    const whole = [...generateIds(model, prompt, { maxTokens: 5 })];
    const before = liveHandles();
    const ids: number[] = [];
    for (const id of generateIds(model, prompt)) if (ids.push(id) === 3) break;
    expect(ids).toEqual(whole.slice(0, 3));
    expect(liveHandles()).toBe(before);
  });

  it('gives log-probabilities and counts, and why it ended', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    const told: [number, number][] = [];
    const usages: unknown[] = [];
    const ids = generateIds(model, prompt, {
      maxTokens: 4,
      logprobs: 0,
      onId: (id, logprobs) => told.push([id, logprobs!.logprob]),
      onUsage: (usage) => usages.push(usage),
    });
    const written = [...{ [Symbol.iterator]: () => ids }];
    expect(told.map(([id]) => id)).toEqual(written);
    const expected = tokenLogprobs(model, [...prompt, ...written]).slice(-4);
    for (const [t, [, logprob]] of told.entries()) expect(Math.abs(logprob - expected[t]!)).toBeLessThan(1e-5);
    expect(usages).toEqual([expect.objectContaining({ prompt: 4, cached: 0, cachedReason: 'disabled', generated: 4 })]);
    const again = generateIds(model, prompt, { maxTokens: 9, stopIds: [written[2]!] });
    let next = again.next();
    while (!next.done) next = again.next();
    expect(next.value).toBe('end');
  });

  it('throws what a callback throws, once what came before has been yielded', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    [...generateIds(model, prompt, { maxTokens: 1 })]; // the model keeps its tables of angles
    const before = liveHandles();
    const ids: number[] = [];
    const onId = () => {
      if (ids.length === 2) throw new Error('mine');
    };
    expect(() => {
      for (const id of generateIds(model, prompt, { onId })) ids.push(id);
    }).toThrow('mine');
    expect([ids.length, liveHandles()]).toEqual([2, before]);
  });

  it('throws the first that its callbacks reject with, and has ended in the engine by then', async () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    using engine = new Engine(model);
    let calls = 0;
    const onId = () => Promise.reject(new Error(`call ${++calls}`));
    const ids = generateIds(engine, prompt, { onId });
    for (let k = 0; k < 3; k++) ids.next();
    expect(engine.busy).toBe(true);
    for (let k = 0; k < 4; k++) await setImmediate();
    expect(engine.busy).toBe(false);
    expect(() => ids.next()).toThrow('call 1');
  });

  it('takes nothing of an engine when it is left', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    using engine = new Engine(model);
    for (const _ of generateIds(engine, prompt)) break;
    expect(engine.busy).toBe(false);
  });

  it('knows its options, and remembers nothing without an engine', () => {
    using tiny = new TinyModel();
    const tokenizer = tiny.loadTokenizer();
    using model = new Plamo2(smallConfig(), initialWeights(2));
    const other = { maxToken: 3 } as object;
    expect(() => generateIds(model, prompt, other).next()).toThrow('generateIds: there is no option "maxToken"');
    expect(() => generateText(model, tokenizer, prompt, other).next()).toThrow('generateText: there is no option');
    expect(() => generateIds(model, prompt, { remember: true }).next()).toThrow('the engine has no prefix cache');
  });
});

describe('float64', () => {
  it('writes with caches of float64, alone and together, what a model without caches would', () => {
    const weights = initialWeights(2);
    using model = new Plamo2(smallConfig(), (name, shape) => scope(() => weights(name, shape).to('float64')));
    const read = [...prompt];
    for (let i = 0; i < 12; i++) {
      // The likeliest id by a whole pass over all of the text.
      const logprobs = scope(
        () =>
          model
            .logits(model.forward(row(read)))
            .select(1, -1)
            .flatten()
            .tolist() as number[],
      );
      read.push(logprobs.indexOf(Math.max(...logprobs)));
    }
    const expected = read.slice(prompt.length);
    expect([...generateIds(model, prompt, { maxTokens: 12 })]).toEqual(expected);
    expect(together(model, { maxTokens: 12 })).toEqual(expected);
    const [written] = writeAll(model, [{ prompt, maxTokens: 12, logprobs: 0 }]);
    const exact = tokenLogprobs(model, read).slice(-12);
    for (const [t, each] of written!.logprobs.entries())
      expect(Math.abs(each!.logprob - exact[t]!)).toBeLessThan(1e-12);
  });
});
