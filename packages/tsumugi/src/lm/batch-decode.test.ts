// Decoding together gives what decoding alone gives: on golden data, past windows, with ends and stops at different times.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../tests/files.ts';
import { openSafetensors } from '../store/index.ts';
import { liveHandles, noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { BatchCache } from './batch-cache.ts';
import { BatchDecoder, type DecodeRequest } from './batch-decode.ts';
import { Cache, type FinishReason, generateIds, initialWeights, Plamo2, parseConfig } from './index.ts';
import { smallConfig } from './testing.ts';

const fixtures = golden('plamo2/');

interface Written {
  ids: number[];
  reason?: FinishReason;
}

/** Decodes requests together and returns what each wrote. */
function decodeAll(model: Plamo2, requests: Partial<DecodeRequest>[], slots: number): Written[] {
  using decoder = new BatchDecoder(model, { slots });
  const written = requests.map((request): Written => {
    const each: Written = { ids: [] };
    decoder.add({
      prompt: [1],
      onId(id) {
        each.ids.push(id);
        return false;
      },
      onEnd(reason) {
        expect(each.reason).toBeUndefined();
        each.reason = reason;
      },
      ...request,
    });
    return each;
  });
  while (decoder.busy) decoder.step();
  return written;
}

const prompts = [3, 40, 1, 12, 7, 26, 12].map((length, k) =>
  Array.from({ length }, (_, i) => (i * 97 + k * 31 + 13) % 300),
);

describe('golden data', () => {
  it.each(['samba', 'full-attention', 'dense'])('%s: three at once continue greedily as the reference does', (name) => {
    scope(() => {
      const weights = openSafetensors(`${fixtures}${name}/model.safetensors`);
      const read = (file: string) => JSON.parse(readFileSync(`${fixtures}${name}/${file}`, 'utf8'));
      const { greedy_prompt: prompt, greedy_continuation: continuation } = read('expected.json');
      using model = new Plamo2(parseConfig(read('config.json')), (path) => weights.tensor(path).clone());
      const maxTokens = continuation.length;
      const others = { prompt: prompt.slice(2), maxTokens: 9 };
      const written = decodeAll(model, [{ prompt, maxTokens }, others, { prompt, maxTokens }, others], 3);
      expect(written[0]).toEqual({ ids: continuation, reason: 'length' });
      expect(written[2]).toEqual(written[0]);
      expect(written[1]!.ids).toEqual([...generateIds(model, others.prompt, others)]);
    });
  });
});

it('keeps no tensor when a pass fails, whichever', () => {
  using model = new Plamo2(smallConfig(), initialWeights(3));
  const forward = model.forward.bind(model);
  const shared = Array.from({ length: 60 }, (_, i) => i + 1);
  const requests = [[...shared, 7], [...shared, 8], [9]].map((prompt) => ({ prompt, maxTokens: 3 }));
  decodeAll(model, requests, 2); // the model keeps its tables of angles
  const before = liveHandles();
  for (let failing = 1, failed = true; failed; failing++) {
    let passes = 0;
    model.forward = (...args) => {
      if (++passes === failing) throw new Error('no memory');
      return forward(...args);
    };
    try {
      decodeAll(model, requests, 2);
      failed = false;
      expect(failing).toBeGreaterThan(6);
    } catch (error) {
      expect((error as Error).message).toBe('no memory');
    }
    expect(liveHandles(), `pass ${failing}`).toBe(before);
  }
});

describe('a batch of sequences', () => {
  it.each([
    ['windows', {}],
    ['a full-attention layer', { full_attention_idx: [3] }],
  ])('gives the logits of each alone, to 1e-5 of the largest, with %s', (_name, changes) => {
    scope(() =>
      noGrad(() => {
        using model = new Plamo2(smallConfig(changes), initialWeights(3));
        using together = new BatchCache(model.config, { slots: 4 });
        const column = (ids: number[]) => tensor(BigInt64Array.from(ids, BigInt), { shape: [ids.length, 1] });
        const row = (ids: number[]) => tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length] });
        const alone: Cache[] = [];
        const begin = (prompt: number[]) => {
          const cache = new Cache(model.config);
          model.forward(row(prompt), { cache });
          together.admit(cache);
          alone.push(cache);
        };
        const compare = () => {
          const ids = alone.map((_, i) => (i * 71 + together.lengths[i]! * 13) % 300);
          const hidden: Tensor = model.forward(column(ids), { cache: together });
          for (const [i, cache] of alone.entries()) {
            const expected = model.logits(model.forward(row([ids[i]!]), { cache }));
            const actual = model.logits(hidden.narrow(0, i, 1));
            const difference = actual.sub(expected).abs().max().item() / expected.abs().max().item();
            expect(difference).toBeLessThan(1e-5);
          }
        };
        for (const prompt of prompts.slice(0, 3)) begin(prompt);
        for (let i = 0; i < 9; i++) compare();
        together.release(0); // the last takes its place
        alone[0]!.dispose();
        alone.splice(0, 3, alone[2]!, alone[1]!);
        compare();
        for (const prompt of prompts.slice(3, 5)) begin(prompt);
        for (let i = 0; i < 70; i++) compare(); // past the window and the first room
        for (const cache of alone) cache.dispose();
      }),
    );
  });

  it('refuses ids for another number of sequences', () => {
    scope(() => {
      using model = new Plamo2(smallConfig(), initialWeights(3));
      using cache = new BatchCache(model.config, { slots: 2 });
      const ids = tensor(BigInt64Array.of(1n, 2n), { shape: [2, 1] });
      expect(() => model.forward(ids, { cache })).toThrow('a batch of 0 sequences takes ids [0, 1], got [2, 1]');
    });
  });
});

describe('BatchDecoder', () => {
  it.each([1, 3, 16])('with %i slots writes what each request writes alone, greedy and sampled', (slots) => {
    using model = new Plamo2(smallConfig(), initialWeights(3));
    const requests = prompts.flatMap((prompt, k) => [
      { prompt, maxTokens: 1 + 5 * k },
      { prompt, maxTokens: 20, temperature: 1, topP: 0.9, seed: k, repetitionPenalty: 1.2, vocabularyLimit: 280 },
    ]);
    const written = decodeAll(model, requests, slots);
    for (const [i, { prompt, ...options }] of requests.entries())
      expect(written[i]).toEqual({ ids: [...generateIds(model, prompt, options)], reason: 'length' });
  });

  it('reads a shared beginning once, with the same result', () => {
    using model = new Plamo2(smallConfig(), initialWeights(4));
    const shared = Array.from({ length: 80 }, (_, i) => (i * 53 + 7) % 300);
    const ends = [[1, 2], [1, 2, 3], [9], [9, ...shared.slice(0, 40)], [9, ...shared.slice(0, 40), 5], [11]];
    const requests = ends.map((end) => ({ prompt: [...shared, ...end], maxTokens: 6 }));
    const written = decodeAll(model, [...requests, { prompt: shared, maxTokens: 6 }], 2);
    for (const [i, { prompt, maxTokens }] of requests.entries())
      expect(written[i]!.ids).toEqual([...generateIds(model, prompt, { maxTokens })]);
    expect(written.at(-1)!.ids).toEqual([...generateIds(model, shared, { maxTokens: 6 })]);
  });

  it('ends at a stop id, which is not part of the text, and where onId says so', () => {
    using model = new Plamo2(smallConfig(), initialWeights(3));
    const whole = [...generateIds(model, prompts[1]!, { maxTokens: 12, temperature: 1, seed: 5 })];
    const options = { prompt: prompts[1]!, maxTokens: 12, temperature: 1, seed: 5 };
    const [stop] = [whole[4]!];
    const before = whole.slice(0, whole.indexOf(stop));
    const ids: number[] = [];
    const onId = (id: number) => ids.push(id) === 3;
    const written = decodeAll(model, [{ ...options, stopIds: [stop] }, { ...options, onId }, options], 2);
    expect(written[0]).toEqual({ ids: before, reason: 'end' });
    expect([ids, written[1]!.reason]).toEqual([whole.slice(0, 3), 'stop']);
    expect(written[2]).toEqual({ ids: whole, reason: 'length' });
  });

  it('refuses an empty prompt and options out of range', () => {
    using model = new Plamo2(smallConfig(), initialWeights(3));
    expect(() => decodeAll(model, [{ prompt: [] }], 1)).toThrow('the prompt has no tokens');
    expect(() => decodeAll(model, [{ temperature: -1 }], 1)).toThrow('temperature must be');
    expect(() => new BatchDecoder(model, { slots: 0 })).toThrow('slots must be');
  });
});
