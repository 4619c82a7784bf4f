// Written together is what is written alone: on golden data, past windows, with ends and stops at different times; and what
// the engine is told is what it does.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { openSafetensors } from '../../store/index.ts';
import { liveHandles, noGrad, scope } from '../../torch/index.ts';
import { generateIds, initialWeights, Plamo2, parseConfig, tokenLogprobs } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import { Engine } from './engine.ts';
import { PlainMemory } from './plain-memory.testing.ts';
import { ask, countedEngine, row, someIds, writeAll, writeWith } from './writing.testing.ts';

const fixtures = golden('plamo2/');
const prompts = [3, 40, 1, 12, 7, 26, 12].map((length, k) => someIds(length, k));
const small = (seed = 3) => new Plamo2(smallConfig(), initialWeights(seed));

describe('golden data', () => {
  it.each(['samba', 'full-attention', 'dense'])('%s: three at once continue greedily as the reference does', (name) => {
    scope(() => {
      const weights = openSafetensors(`${fixtures}${name}/model.safetensors`);
      const read = (file: string) => JSON.parse(readFileSync(`${fixtures}${name}/${file}`, 'utf8'));
      const { greedy_prompt: prompt, greedy_continuation: continuation } = read('expected.json');
      using model = new Plamo2(parseConfig(read('config.json')), (path) => weights.tensor(path).clone());
      const maxTokens = continuation.length;
      const others = { prompt: prompt.slice(2), maxTokens: 9 };
      const written = writeAll(model, [{ prompt, maxTokens }, others, { prompt, maxTokens }, others], { slots: 3 });
      expect(written[0]).toMatchObject({ ids: continuation, reason: 'length' });
      expect(written[2]!.ids).toEqual(continuation);
      expect(written[1]!.ids).toEqual([...generateIds(model, others.prompt, { maxTokens: 9 })]);
    });
  });
});

describe('together', () => {
  it.each([1, 3, 16])('with %i slots writes what each request writes alone, greedy and sampled', (slots) => {
    using model = small();
    const requests = prompts.flatMap((prompt, k) => [
      { prompt, maxTokens: 1 + 5 * k },
      { prompt, maxTokens: 20, temperature: 1, topP: 0.9, seed: k, repetitionPenalty: 1.2, vocabularyLimit: 280 },
    ]);
    const written = writeAll(model, requests, { slots });
    for (const [i, { prompt, ...options }] of requests.entries()) {
      const ids = [...generateIds(model, prompt, options)];
      const usage = { prompt: prompt.length, cached: expect.any(Number), generated: ids.length };
      expect(written[i]).toMatchObject({ ids, reason: 'length', usage });
    }
  });

  it('ends at a stop id, which is not part of the text, and where onId says so', () => {
    using model = small();
    const sampling = { maxTokens: 12, temperature: 1, seed: 5 };
    const options = { prompt: prompts[1]!, ...sampling };
    const whole = [...generateIds(model, options.prompt, sampling)];
    const [stop] = [whole[4]!];
    const before = whole.slice(0, whole.indexOf(stop));
    const ids: number[] = [];
    const onId = (id: number) => ids.push(id) === 3;
    const written = writeAll(model, [{ ...options, stopIds: [stop] }, { ...options, onId }, options], { slots: 2 });
    expect(written[0]).toMatchObject({ ids: before, reason: 'end' });
    expect([ids, written[1]!.reason]).toEqual([whole.slice(0, 3), 'stop']);
    expect(written[2]).toMatchObject({ ids: whole, reason: 'length' });
  });

  it('refuses an empty prompt and options out of range', () => {
    using model = small();
    expect(() => writeAll(model, [{ prompt: [] }])).toThrow('the prompt has no tokens');
    expect(() => writeAll(model, [{ temperature: -1 }])).toThrow('temperature must be');
    expect(() => writeAll(model, [{ seed: 0.5 }])).toThrow('a seed must be');
    expect(() => writeAll(model, [{ maxTokens: 1.5 }])).toThrow(
      'maxTokens must be a whole number of at least 0, got 1.5',
    );
    expect(() => writeAll(model, [{ logprobs: -1 }])).toThrow('logprobs must be a whole number from 0 to 1000, got -1');
    for (const option of ['slots', 'prefillChunk'])
      expect(() => new Engine(model, { [option]: 0 })).toThrow(`${option} must be a whole number of at least 1, got 0`);
    expect(() => new Engine(model, { cacheBytes: 0 })).toThrow('cacheBytes must be');
  });
});

it('names options that it does not have, ids that the model does not have, and who is not told', () => {
  using model = small();
  const wrong = (request: object) => () => {
    using engine = new Engine(model);
    ask(engine, request);
  };
  expect(wrong({ maxToken: 3 })).toThrow(/Engine.add: there is no option "maxToken"\n.*maxTokens/);
  expect(wrong({ max_new_tokens: 3 })).toThrow('Write maxTokens.');
  expect(() => new Engine(model, { slot: 3 } as object)).toThrow(/Engine: there is no option "slot"\n.*slots/);
  expect(() => generateIds(model, [1], { stop: ['a'] } as object).next()).toThrow('generateIds: there is no option');
  expect(wrong({ onError: undefined })).toThrow('Engine.add: onError must be a function, got undefined');
  expect(wrong({ prompt: undefined })).toThrow('prompt must be a list of ids, got undefined');
  expect(wrong({ stopIds: 3 })).toThrow('stopIds must be a list of ids, got number 3');
  expect(wrong({ stopIds: ['2'] })).toThrow('stopIds must be a list of ids, got string 2 in it');
  expect(wrong({ seed: '1' })).toThrow('seed must be a whole number, got string 1');
  for (const vocabularyLimit of [0, -5, 1.5, '7'])
    expect(wrong({ vocabularyLimit })).toThrow('vocabularyLimit must be a whole number of at least 1, got');
  for (const id of [300, -1, 0.5, Number.NaN])
    expect(wrong({ prompt: [5, id] })).toThrow(`id ${id} at position 1 is not in the vocabulary of 300`);
});

it('refuses a step inside a step', () => {
  using model = small();
  using engine = new Engine(model);
  const written = ask(engine, { onId: () => Boolean(engine.step()) });
  engine.step();
  expect(written.error).toMatchObject({ code: 'in-step' });
});

describe('passes', () => {
  it('has all running sequences take a token in one, and one alone in its own', () => {
    using model = small();
    const { engine, passes } = countedEngine(model);
    using _ = engine;
    writeWith(
      engine,
      [4, 2, 3].map((maxTokens, k) => ({ prompt: someIds(5 + k), maxTokens })),
    );
    expect(passes).toEqual([[1, 5], [1, 6], [1, 7], [3, 1], [2, 1], [1, 1]]); // biome-ignore format: [texts, tokens]
  });

  it('has one that was alone for a while join others again', () => {
    using model = small();
    using engine = new Engine(model, { slots: 2 });
    const asked = [
      [3, 20],
      [5, 3],
      [4, 6],
    ].map(([length, maxTokens], k) => ({ prompt: someIds(length!, k), maxTokens: maxTokens! }));
    const written = asked.slice(0, 2).map((request) => ask(engine, request));
    for (let i = 0; i < 8; i++) engine.step();
    written.push(ask(engine, asked[2]!));
    while (engine.busy) engine.step();
    for (const [k, { prompt, maxTokens }] of asked.entries())
      expect(written[k]!.ids).toEqual([...generateIds(model, prompt, { maxTokens })]);
  });

  it('reads a long prompt in pieces, between which the others go on', () => {
    using model = small();
    const { engine, passes } = countedEngine(model, { prefillChunk: 8 });
    using _ = engine;
    const first = ask(engine, { prompt: someIds(3), maxTokens: 9 });
    engine.step();
    const second = ask(engine, { prompt: someIds(30, 1), maxTokens: 2 });
    while (engine.busy) engine.step();
    const read = [[1, 3], [1, 8], [1, 1], [1, 8], [1, 1], [1, 8], [1, 1], [1, 6]]; // biome-ignore format: [texts, tokens]
    expect(passes.slice(0, 8)).toEqual(read);
    expect(passes.slice(8)).toEqual([[2, 1], ...Array(4).fill([1, 1])]);
    expect(first.ids).toEqual([...generateIds(model, someIds(3), { maxTokens: 9 })]);
    expect(second.ids).toEqual([...generateIds(model, someIds(30, 1), { maxTokens: 2 })]);
  });

  it('fills the free slots with short prompts before it goes on', () => {
    using model = small();
    const { engine, passes } = countedEngine(model, { slots: 4 });
    using _ = engine;
    writeWith(
      engine,
      Array.from({ length: 6 }, (_, k) => ({ prompt: someIds(4, k), maxTokens: 2 })),
    );
    expect(passes).toEqual([...Array(4).fill([1, 4]), [4, 1], [1, 4], [1, 4], [2, 1]]);
  });
});

describe('cancelling', () => {
  it.each([1, 3])('frees a slot and a state at once, with %i slots', (slots) => {
    using model = small();
    writeAll(model, [{ maxTokens: 2 }]); // the model keeps its tables of angles
    const before = liveHandles();
    using engine = new Engine(model, { slots, prefixCache: false });
    const written = prompts.slice(0, 4).map((prompt) => ask(engine, { prompt, maxTokens: 30 }));
    for (let i = 0; i < 8; i++) engine.step();
    for (const [i, { job }] of written.entries()) if (i !== 2) job.cancel();
    const { bytesUsed } = engine.counters;
    written[0]!.job.cancel();
    expect(engine.counters.bytesUsed).toBe(bytesUsed);
    while (engine.busy) engine.step();
    expect(written.map(({ reason }) => reason)).toEqual([undefined, undefined, 'length', undefined]);
    expect(written[2]!.ids).toEqual([...generateIds(model, prompts[2]!, { maxTokens: 30 })]);
    expect(engine.counters.bytesUsed).toBe(0);
    engine[Symbol.dispose]();
    expect(liveHandles()).toBe(before);
  });

  it('frees the state of one alone at once, before anything is disposed, whatever it was doing', () => {
    using model = small();
    using engine = new Engine(model, { prefillChunk: 4, prefixCache: false });
    for (const steps of [0, 1, 2, 5]) {
      const { job } = ask(engine, { prompt: someIds(11), maxTokens: 30 });
      for (let i = 0; i < steps; i++) engine.step();
      expect(engine.counters.bytesUsed > 0).toBe(steps > 0);
      job.cancel();
      expect([engine.busy, engine.counters.bytesUsed]).toEqual([false, 0]);
    }
  });

  it('may be done from a callback, of itself and of others', () => {
    using model = small();
    using engine = new Engine(model, { slots: 3 });
    const written = [0, 1, 2, 3].map((k) =>
      ask(engine, {
        prompt: prompts[k]!,
        maxTokens: 12,
        onId(id) {
          if (written[k]!.ids.push(id) === 4 && k === 1) for (const other of [0, 1]) written[other]!.job.cancel();
          return false;
        },
      }),
    );
    while (engine.busy) engine.step();
    expect(written.map(({ reason }) => reason)).toEqual([undefined, undefined, 'length', 'length']);
    expect(written.map(({ ids }) => ids.length)).toEqual([4, 4, 12, 12]);
    for (const k of [2, 3]) expect(written[k]!.ids).toEqual([...generateIds(model, prompts[k]!, { maxTokens: 12 })]);
  });
});

class FailingMemory extends PlainMemory {
  /** Passes until one fails. */
  #left: number;

  constructor(model: Plamo2, failing: number) {
    super(model);
    this.#left = failing;
  }

  #count(): void {
    if (--this.#left === 0) throw new Error('no memory');
  }

  override read(...args: Parameters<PlainMemory['read']>) {
    this.#count();
    return super.read(...args);
  }

  override decode(...args: Parameters<PlainMemory['decode']>) {
    this.#count();
    return super.decode(...args);
  }
}

describe('what goes wrong', () => {
  it('keeps no tensor when a pass fails, whichever, and tells every request', () => {
    using model = small();
    const shared = someIds(60);
    const requests = [[...shared, 7], [...shared, 8], [9]].map((prompt) => ({ prompt, maxTokens: 3 }));
    const right = writeAll(model, requests, { slots: 2 }).map(({ ids }) => ids);
    const before = liveHandles();
    for (let failing = 1, failed = true; failed; failing++) {
      using engine = new Engine(model, { slots: 2 }, new FailingMemory(model, failing));
      const written = requests.map((request) => ask(engine, request));
      while (engine.busy) engine.step();
      const errors = written.filter((each) => 'error' in each);
      failed = errors.length > 0;
      if (!failed) expect(failing).toBeGreaterThan(6);
      for (const { error } of errors) expect((error as Error).message).toBe('no memory');
      // The others go on as if nothing had been.
      for (const [i, each] of written.entries()) if (!('error' in each)) expect(each.ids).toEqual(right[i]);
      engine[Symbol.dispose]();
      expect(liveHandles(), `pass ${failing}`).toBe(before);
    }
  });

  it('tells the one whose callback throws, and goes on with the others', () => {
    using model = small();
    const fault = () => {
      throw new Error('mine');
    };
    using engine = new Engine(model);
    const written = [{ onId: fault }, { onEnd: fault }, {}].map((more, k) =>
      ask(engine, { prompt: prompts[k]!, maxTokens: 5, ...more }),
    );
    while (engine.busy) engine.step();
    expect(written.map(({ error }) => (error as Error | undefined)?.message)).toEqual(['mine', 'mine', undefined]);
    expect(written[2]).toMatchObject({ reason: 'length', ids: [...generateIds(model, prompts[2]!, { maxTokens: 5 })] });
  });

  it('has one work for all who wait', async () => {
    using model = small();
    using engine = new Engine(model);
    for (const k of [0, 1]) ask(engine, { prompt: someIds(3, k), maxTokens: 3 + k });
    const work = engine.run();
    expect(engine.run()).toBe(work);
    await work;
    expect(engine.busy).toBe(false);
    // What is asked later is another work.
    const late = ask(engine, { maxTokens: 2 });
    await engine.run();
    expect(late.reason).toBe('length');
  });

  it('tells one whose prompt is being read that it is disposed', () => {
    using model = small();
    writeAll(model, [{ maxTokens: 2 }]);
    const before = liveHandles();
    const engine = new Engine(model, { prefillChunk: 4 });
    const written = ask(engine, { prompt: someIds(11) });
    engine.step();
    engine[Symbol.dispose]();
    expect(written.error).toMatchObject({ code: 'engine-disposed' });
    expect(liveHandles()).toBe(before);
  });

  it('tells those that are still open when it is disposed, also from a callback', () => {
    using model = small();
    writeAll(model, [{ maxTokens: 2 }]);
    const before = liveHandles();
    for (const steps of [0, 1, 4]) {
      const engine = new Engine(model, { slots: 2 });
      const written = prompts.slice(0, 3).map((prompt) => ask(engine, { prompt }));
      for (let i = 0; i < steps; i++) engine.step();
      engine[Symbol.dispose]();
      for (const { error } of written) expect(error).toMatchObject({ code: 'engine-disposed' });
      expect(liveHandles()).toBe(before);
      expect(() => ask(engine, {})).toThrow('the engine was disposed');
    }
    const engine = new Engine(model, { slots: 2 });
    const other = ask(engine, { prompt: prompts[1]! });
    ask(engine, { onId: () => Boolean(engine[Symbol.dispose]()) });
    while (engine.busy) engine.step();
    expect(other.error).toMatchObject({ code: 'engine-disposed' });
    expect(liveHandles()).toBe(before);
  });
});

/** ln p of every next token, by libtorch. */
const nextLogprobs = (model: Plamo2, ids: number[]): number[] =>
  scope(() =>
    noGrad(() => {
      const hidden = model.forward(row(ids)).narrow(1, ids.length - 1, 1);
      return model.logits(hidden).logSoftmax(-1).flatten().tolist() as number[];
    }),
  );

describe('log-probabilities', () => {
  it('are those of the whole vocabulary, before penalty, filters and the limit of the vocabulary', () => {
    using model = small();
    const prompt = prompts[3]!;
    const settings = { temperature: 0.7, topK: 3, repetitionPenalty: 1.5, vocabularyLimit: 250, seed: 4 };
    const requests = [
      { prompt, maxTokens: 6, ...settings, logprobs: 2 },
      { prompt: prompts[1]!, maxTokens: 9, logprobs: 0 },
      { prompt, maxTokens: 6, ...settings },
    ];
    const written = writeAll(model, requests);
    for (const [i, { ids, logprobs }] of written.slice(0, 2).entries()) {
      const read = [...requests[i]!.prompt, ...ids];
      const expected = tokenLogprobs(model, read).slice(-ids.length);
      for (const [t, each] of logprobs.entries()) expect(Math.abs(each!.logprob - expected[t]!)).toBeLessThan(1e-5);
    }
    for (const [t, each] of written[0]!.logprobs.entries()) {
      const read = [...prompt, ...written[0]!.ids.slice(0, t)];
      const all = nextLogprobs(model, read).map((logprob, id) => ({ id, logprob }));
      all.sort((a, b) => b.logprob - a.logprob);
      expect(each!.top.map(({ id }) => id)).toEqual(all.slice(0, 2).map(({ id }) => id));
      for (const [rank, { logprob }] of each!.top.entries())
        expect(Math.abs(logprob - all[rank]!.logprob)).toBeLessThan(1e-5);
    }
    expect(written[1]!.logprobs.every((each) => each!.top.length === 0)).toBe(true);
    expect(written[2]!.logprobs).toEqual(Array(6).fill(undefined));
    expect(written[2]!.ids).toEqual(written[0]!.ids);
  });
});
