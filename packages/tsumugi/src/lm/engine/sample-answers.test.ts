// Several answers to each prompt: each is what the seed of its prompt and place says, whatever is written beside it.
import { describe, expect, it, vi } from 'vitest';
import { deriveSeed } from '../../base/index.ts';
import { liveHandles } from '../../torch/index.ts';
import { Engine, generateIds, initialWeights, Plamo2, sampleAnswers, tokenLogprobs } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import { countedEngine, someIds } from './writing.testing.ts';

const small = (seed = 4) => new Plamo2(smallConfig(), initialWeights(seed));
const prompts = [9, 40, 1, 33, 12].map((length, k) => someIds(length, k));
/** Half of the vocabulary, so that many answers end. */
const stopIds = Array.from({ length: 30 }, (_, i) => i * 10);
const options = { samples: 4, maxTokens: 12, seed: 3, stopIds };

describe('sampleAnswers', () => {
  it('writes what each seed says, with the token that ends it', async () => {
    using model = small();
    const answers = await sampleAnswers(model, prompts, { ...options, temperature: 0.9, topP: 0.95 });
    const ends = new Set<boolean>();
    for (const [p, prompt] of prompts.entries())
      for (let k = 0; k < 4; k++) {
        const seed = deriveSeed(3, 'answer', prompt.join(' '), k);
        const alone = [...generateIds(model, prompt, { maxTokens: 12, seed, temperature: 0.9, topP: 0.95 })];
        const end = alone.findIndex((id) => stopIds.includes(id));
        const { ids, finished } = answers[p]![k]!;
        expect([ids, finished]).toEqual([end < 0 ? alone : alone.slice(0, end + 1), end >= 0]);
        ends.add(finished);
      }
    expect(ends.size).toBe(2);
    expect(new Set(answers.flat().map(({ ids }) => ids.join())).size).toBeGreaterThan(15);
  });

  it('tells the log-probability that the model gives each token', async () => {
    using model = small();
    const [answers] = await sampleAnswers(model, [prompts[1]!], { ...options, temperature: 2, topK: 20 });
    for (const { ids, logprobs } of answers!) {
      const expected = tokenLogprobs(model, [...prompts[1]!, ...ids]).subarray(prompts[1]!.length - 1);
      expect(logprobs.length).toBe(ids.length);
      for (const [i, logprob] of logprobs.entries()) expect(Math.abs(logprob - expected[i]!)).toBeLessThan(1e-4);
    }
  });

  it.each([1, 3, 16])('reads a prompt once for all of its answers, with %i slots', async (slots) => {
    using model = small();
    const { engine, passes } = countedEngine(model, { slots });
    using _ = engine;
    await sampleAnswers(engine, prompts, { samples: 6, maxTokens: 1 });
    // With one token each there is nothing but reading.
    const read = passes.reduce((sum, [rows, tokens]) => sum + rows * tokens, 0);
    expect(read).toBe(prompts.reduce((sum, prompt) => sum + prompt.length, 0));
    passes.length = 0;
    await sampleAnswers(engine, [prompts[0]!], { samples: 6, maxTokens: 4, stopIds: [] });
    expect(passes.filter(([, tokens]) => tokens > 1)).toEqual([]); // it is known by now
    expect(passes.reduce((sum, [rows]) => sum + rows, 0)).toBe(6 * 3);
  });

  it('depends on seed, key and place alone', async () => {
    using model = small();
    const sample = async (which: number[], changes: object = {}) =>
      (
        await sampleAnswers(
          model,
          which.map((p) => prompts[p]!),
          { ...options, ...changes },
        )
      ).map((answers) => answers.map(({ ids }) => ids));
    const all = await sample([0, 1, 2, 3, 4]);
    expect(await sample([4, 1], { slots: 3 })).toEqual([all[4], all[1]]);
    expect((await sample([2], { samples: 2 }))[0]).toEqual(all[2]!.slice(0, 2));
    expect(await sample([3, 3])).toEqual([all[3], all[3]]);
    expect((await sample([3], { seed: 4 }))[0]).not.toEqual(all[3]);
    const [a, b] = await sample([3, 3], { keys: ['a', 'b'] });
    expect(a).not.toEqual(b);
    expect(await sample([3], { keys: ['b'] })).toEqual([b]);
    using engine = new Engine(model, { slots: 5 });
    const other = engine.add({ prompt: [5], maxTokens: 30, onId: () => false, onEnd: () => {}, onError: () => {} });
    const beside = await sampleAnswers(engine, [prompts[0]!], options);
    expect(beside[0]!.map(({ ids }) => ids)).toEqual(all[0]);
    other.cancel();
  });

  it('ends where the config says unless told otherwise, and draws nothing beyond the limit', async () => {
    using model = small();
    const wide = { samples: 12, maxTokens: 40, vocabularyLimit: 4, temperature: 3 };
    const [answers] = await sampleAnswers(model, [[1]], wide);
    const eos = model.config.eos_token_id;
    expect(answers!.flatMap(({ ids }) => ids).every((id) => id < 4)).toBe(true);
    for (const { ids, finished } of answers!) expect(finished).toBe(ids.at(-1) === eos);
    expect(answers!.filter(({ finished }) => finished).length).toBeGreaterThan(6);
  });

  it('asks no more at a time than fills the engine, and tells of prompts as they are done', async () => {
    using model = small();
    using engine = new Engine(model, { slots: 4 });
    const add = vi.spyOn(engine, 'add');
    const told: number[] = [];
    let most = 0;
    const many = Array.from({ length: 30 }, (_, k) => someIds(3, k));
    const answers = await sampleAnswers(engine, many, {
      samples: 3,
      maxTokens: 3,
      stopIds: [],
      onPrompt(index, done) {
        told.push(index);
        expect(done.map(({ ids }) => ids.length)).toEqual([3, 3, 3]);
        most = Math.max(most, add.mock.calls.length - 3 * told.length);
      },
    });
    expect([answers.length, add.mock.calls.length]).toEqual([30, 90]);
    expect(told.toSorted((a, b) => a - b)).toEqual(many.map((_, i) => i));
    expect(most).toBeLessThanOrEqual(2 * 4 + 3);
  });

  it('lets go of everything when it is ended, or goes wrong', async () => {
    using model = small();
    await sampleAnswers(model, [[1]], { samples: 1, maxTokens: 1 }); // and the model keeps its tables of angles
    const before = liveHandles();
    const abort = new AbortController();
    const onPrompt = () => abort.abort(new Error('enough'));
    await expect(sampleAnswers(model, prompts, { ...options, onPrompt, signal: abort.signal })).rejects.toThrow(
      'enough',
    );
    await expect(
      sampleAnswers(model, prompts, {
        ...options,
        onPrompt: () => {
          throw new Error('mine');
        },
      }),
    ).rejects.toThrow('mine');
    await expect(sampleAnswers(model, [...prompts, [300]], options)).rejects.toThrow('300');
    expect(liveHandles()).toBe(before);
    expect(await sampleAnswers(model, [], options)).toEqual([]);
  });

  it('refuses what has no effect or does not fit', async () => {
    using model = small();
    using engine = new Engine(model);
    await expect(sampleAnswers(engine, prompts, { ...options, slots: 2 })).rejects.toThrow('slots has no effect');
    await expect(sampleAnswers(model, prompts, { ...options, keys: [1] })).rejects.toThrow(
      '1 keys came with 5 prompts',
    );
    await expect(sampleAnswers(model, prompts, { ...options, samples: 0 })).rejects.toThrow('samples');
    await expect(sampleAnswers(model, prompts, { ...options, count: 3 } as never)).rejects.toThrow('count');
  });
});
