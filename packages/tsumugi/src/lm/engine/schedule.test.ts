// Who is read, who waits and who gives way: fairness between prompts, forecasts, the queue's limit, texts that have to wait for memory.
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { liveHandles } from '../../torch/index.ts';
import { CachePool, Engine, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { EngineOptions } from './engine-options.ts';
import { PlainMemory } from './plain-memory.testing.ts';
import type { EngineRequest } from './request.ts';
import { ask, countedEngine, someIds, type Written, writeAll } from './writing.testing.ts';

const model = new Plamo2(smallConfig({ full_attention_idx: [1, 3] }), initialWeights(4));
afterAll(() => model.dispose());
writeAll(model, [{ maxTokens: 2 }]); // the model keeps its tables of angles
const bytesFor = (tokens: number) => new PlainMemory(model).bytesFor(tokens);

/** An engine without a prefix cache that has so many bytes. */
const narrow = (bytes: number, options: EngineOptions = {}) =>
  new Engine(model, { prefixCache: false, ...options }, new PlainMemory(model, bytes));

function finish(engine: Engine): void {
  while (engine.busy) engine.step();
}

describe('reading', () => {
  it('goes by turns: a short prompt does not wait for a long one', () => {
    using engine = new Engine(model, { prefillChunk: 8 });
    const long = ask(engine, { prompt: someIds(200), maxTokens: 1 });
    engine.step();
    const order: string[] = [];
    const short = ask(engine, { prompt: someIds(12, 1), maxTokens: 1, onEnd: () => order.push('short') });
    for (let steps = 0; short.job.usage.generated === 0; steps++) {
      engine.step();
      expect(steps).toBeLessThan(5);
    }
    expect([order, long.reason]).toEqual([['short'], undefined]);
    finish(engine);
    expect(long.reason).toBe('length');
  });

  it('goes by turns between long ones: neither is ahead by more than a piece', () => {
    using engine = new Engine(model, { prefillChunk: 8 }, new PlainMemory(model));
    const ends: string[] = [];
    for (const [k, name] of ['first', 'second', 'third'].entries())
      ask(engine, { prompt: someIds(160, k), maxTokens: 1, onEnd: () => ends.push(name) });
    for (let steps = 1; engine.busy; steps++) {
      engine.step();
      expect([steps, ends.length]).toEqual([steps, Math.max(0, Math.min(3, steps - 57))]);
    }
    expect(ends).toEqual(['first', 'second', 'third']);
  });

  it('leaves those that run a pass after no more than prefillChunk tokens, of however many prompts', () => {
    const { engine, passes } = countedEngine(model, { prefillChunk: 8 });
    using _ = engine;
    ask(engine, { prompt: someIds(3), maxTokens: 60 });
    engine.step();
    for (const [k, length] of [30, 3, 3, 3, 40, 3, 3].entries())
      ask(engine, { prompt: someIds(length, 1 + k), maxTokens: 1 });
    finish(engine);
    let read = 0;
    for (const [texts, tokens] of passes.slice(1)) {
      read = tokens === 1 && texts >= 1 ? 0 : read + tokens;
      expect(read).toBeLessThanOrEqual(8);
    }
    expect(passes.filter(([, tokens]) => tokens === 3).length).toBeGreaterThan(4);
  });

  it('reads what two prompts share once, though they come at the same time, also where one has no slot yet', () => {
    for (const slots of [1, 4]) {
      const { engine, passes } = countedEngine(model, { prefillChunk: 8, slots });
      using _ = engine;
      for (const id of [1, 2, 3]) ask(engine, { prompt: [...someIds(48), id], maxTokens: 1 });
      finish(engine);
      expect(passes.reduce((sum, [texts, tokens]) => sum + texts * tokens, 0)).toBe(48 + 3);
    }
  });

  it('is kept for one that comes meanwhile and has no slot, and no longer waited for when it is past', () => {
    using one = new Engine(model, { prefillChunk: 8, slots: 1 });
    ask(one, { prompt: someIds(160), maxTokens: 1 });
    one.step();
    const late = ask(one, { prompt: [...someIds(40), 299], maxTokens: 1 });
    finish(one);
    expect(late.usage!.cached).toBe(40);
    using two = new Engine(model, { prefillChunk: 8 });
    ask(two, { prompt: someIds(160), maxTokens: 1 });
    for (let i = 0; i < 5; i++) two.step();
    const later = ask(two, { prompt: [...someIds(40), 299], maxTokens: 1 });
    two.step();
    expect(two.counters).toMatchObject({ running: 2, waiting: 0 });
    finish(two);
    expect(later.usage!.cached).toBe(0);
  });
});

describe('the queue', () => {
  it('holds so many beyond those that a slot is free for', () => {
    for (const queueLimit of [0, 3]) {
      using engine = new Engine(model, { slots: 2, queueLimit });
      const add = (k = 99) => ask(engine, { prompt: [k], maxTokens: 3 });
      for (let k = 0; k < 2 + queueLimit; k++) add(k);
      expect(thrown(UserError, () => add())).toMatchObject({ code: 'queue-full', remedy: 'Ask again later.' });
      expect(engine.counters).toMatchObject({ running: 0, waiting: 2 + queueLimit });
      engine.step();
      expect(engine.counters).toMatchObject({ running: 2, waiting: queueLimit });
      expect(add).toThrow(`the engine is busy, and ${queueLimit} requests wait already`);
      finish(engine);
      add();
      finish(engine);
    }
  });
});

describe('memory', () => {
  it('refuses what would not fit even alone, and says what would', () => {
    using engine = narrow(bytesFor(100));
    const error = thrown(UserError, () => ask(engine, { prompt: someIds(60), maxTokens: 41 }));
    expect(error.message).toContain(
      "a text of 60 tokens and up to 41 more does not fit the engine's memory, which holds 100",
    );
    expect(error).toMatchObject({ code: 'cache-too-small', fields: { fits: 100 } });
    const fits = ask(engine, { prompt: someIds(60), maxTokens: 40 });
    finish(engine);
    expect(fits).toMatchObject({ reason: 'length' });
  });

  it.each([
    { window: 5, prefillChunk: 256, length: 200, boundaries: [66, 194] }, // pieces whose ends lie within pages
    { window: 600, prefillChunk: 1024, length: 1500, boundaries: [] }, // a window beside the next
  ])('holds what it admits, however little it has: $window, $prefillChunk', ({ window, ...rest }) => {
    const config = smallConfig({ num_hidden_layers: 2, full_attention_idx: [], attention_window_size: window });
    using model = new Plamo2(config, initialWeights(4));
    const { prefillChunk, length, boundaries } = rest;
    const asked = { prompt: someIds(length), boundaries, maxTokens: 6 };
    const engineOf = (cacheBytes: number) => new Engine(model, { prefillChunk, cacheBytes });
    let [not, enough] = [1, 1 << 24];
    while (enough - not > 1) {
      const middle = Math.floor((not + enough) / 2);
      using engine = engineOf(middle);
      try {
        ask(engine, { ...asked, onError: () => {} });
        enough = middle;
      } catch {
        not = middle;
      }
    }
    using engine = engineOf(enough);
    const written = ask(engine, asked);
    finish(engine);
    expect(written).toMatchObject({ reason: 'length' });
  });

  it('tells a text without a limit where the memory ends', () => {
    using engine = narrow(bytesFor(50));
    const written = ask(engine, { prompt: someIds(10), maxTokens: Number.POSITIVE_INFINITY });
    finish(engine);
    expect(written.error).toMatchObject({ code: 'cache-too-small' });
    expect(written.ids.length).toBe(41);
    expect(engine.counters).toMatchObject({ bytesUsed: 0, bytesLimit: bytesFor(50) });
  });

  it('has those wait that there is no room for now', () => {
    using engine = narrow(bytesFor(60) + bytesFor(30));
    const asked = [50, 50, 20].map((length, k) => ask(engine, { prompt: someIds(length, k), maxTokens: 9 }));
    engine.step();
    // The third would fit, but came later.
    expect(engine.counters).toMatchObject({ running: 1, waiting: 2, preemptions: 0 });
    finish(engine);
    expect(asked.map(({ reason }) => reason)).toEqual(Array(3).fill('length'));
  });

  /** Two texts that begin and do not fit in the end: the second has to wait. */
  function twoThatGrow(more: Partial<EngineRequest> = {}) {
    const requests = [0, 1].map((k) => ({
      prompt: someIds(10, k),
      maxTokens: 90,
      logprobs: 2,
      temperature: 1,
      seed: k,
      ...more,
    }));
    const engine = narrow(2 * bytesFor(85), { prefillChunk: 4 });
    const written = requests.map((request) => ask(engine, request));
    return { engine, requests, written };
  }

  it('has the last comer wait when it ends, and go on with the same bits; it is told of nothing twice', () => {
    const { engine, requests, written } = twoThatGrow();
    using _ = engine;
    finish(engine);
    expect(engine.counters.preemptions).toBeGreaterThan(0);
    for (const [i, request] of requests.entries()) {
      using alone = narrow(bytesFor(200), { prefillChunk: 4 });
      const { ids, logprobs } = ask(alone, request);
      finish(alone);
      expect(written[i]).toMatchObject({ ids, logprobs, reason: 'length' });
    }
    const { readTokens, promptTokens, generatedTokens } = engine.counters;
    expect([promptTokens, generatedTokens]).toEqual([20, 180]);
    expect(readTokens).toBeGreaterThan(20 + 70); // what had to wait was taken in again
  });

  it('frees the memory of one that waits when it is cancelled', () => {
    const before = liveHandles();
    const { engine, written } = twoThatGrow();
    while (engine.counters.preemptions === 0) engine.step();
    expect(engine.counters).toMatchObject({ running: 1, waiting: 1 });
    written[1]!.job.cancel();
    expect(engine.counters).toMatchObject({ running: 1, waiting: 0 });
    finish(engine);
    expect(written[0]!.reason).toBe('length');
    expect(liveHandles()).toBe(before);
    engine[Symbol.dispose]();
  });

  it('begins one again when another has ended, though some go on', () => {
    using engine = narrow(3 * bytesFor(85), { prefillChunk: 4 });
    const written = [0, 1, 2].map((k) => ask(engine, { prompt: someIds(10, k), maxTokens: 90 }));
    while (engine.counters.preemptions === 0) engine.step();
    expect(engine.counters).toMatchObject({ running: 2, waiting: 1 });
    written[0]!.job.cancel();
    engine.step();
    expect(engine.counters).toMatchObject({ running: 2, waiting: 0 });
    finish(engine);
    expect(written.map(({ reason }) => reason)).toEqual([undefined, 'length', 'length']);
  });

  describe('with a beginning that is kept', () => {
    const beginning = someIds(310);
    using pool = new CachePool(model, { bytes: 1 << 30 });
    const bytes = (tokens: number) => pool.bytesFor(tokens);
    const page = bytes(1088) - bytes(1024);
    /** Reads the beginning, begins one text with it or another, and then one with it. */
    function second(first: readonly number[], cacheBytes: number) {
      const engine = new Engine(model, { cacheBytes });
      ask(engine, { prompt: beginning, maxTokens: 1 });
      finish(engine);
      const ask40 = (prompt: number[]) => ask(engine, { prompt, boundaries: [310], maxTokens: 40 });
      const written = [ask40([...first, 1]), ask40([...beginning, 2])];
      for (let i = 0; i < 4; i++) engine.step();
      const { running, waiting } = engine.counters;
      finish(engine);
      const { preemptions } = engine.counters;
      engine[Symbol.dispose]();
      expect(written.map(({ reason }) => reason)).toEqual(['length', 'length']);
      return { running, waiting, preemptions, cached: written[1]!.usage!.cached };
    }

    it('counts what texts share once, and not among what can be had back', () => {
      expect(second(beginning, 2 * bytes(351) - 4 * page)).toMatchObject({ running: 2, preemptions: 0, cached: 310 });
      expect(second(someIds(310, 1), 2 * bytes(351) - 3 * page)).toMatchObject({
        running: 1,
        waiting: 1,
        preemptions: 0,
      });
      expect(second(someIds(310, 1), 2 * bytes(351))).toMatchObject({ running: 2, preemptions: 0, cached: 310 });
    });
  });

  it('takes snapshots first', () => {
    const memory = new PlainMemory(model, 2 * bytesFor(200));
    using engine = new Engine(model, { snapshotEvery: 8, prefillChunk: 8 }, memory);
    for (let k = 0; k < 3; k++) ask(engine, { prompt: someIds(100, k), maxTokens: 80 });
    finish(engine);
    const { evictions, snapshots } = engine.counters;
    expect([evictions > 0, snapshots > 0]).toEqual([true, true]);
    expect(memory.used).toBeLessThanOrEqual(memory.limit);
  });
});

it('tells how long a text waited, was read and was written', async () => {
  using engine = new Engine(model, { slots: 1 });
  const written: Written[] = [0, 1].map((k) => ask(engine, { prompt: someIds(30, k), maxTokens: 5 }));
  await engine.run();
  const [first, second] = written.map(({ usage }) => usage!.timings);
  for (const { queued, prefill, decode } of [first!, second!]) {
    expect(Math.min(queued, prefill, decode)).toBeGreaterThanOrEqual(0);
    expect(decode).toBeGreaterThan(0);
  }
  expect(second!.queued).toBeGreaterThanOrEqual(first!.prefill + first!.decode);
});

describe('every setting changes something, and is refused out of its range', () => {
  it.each([
    [{ slots: 0 }, 'slots must be a whole number of at least 1, got 0'],
    [{ prefillChunk: 0 }, 'prefillChunk must be a whole number of at least 1, got 0'],
    [{ cacheBytes: 0 }, 'cacheBytes must be a whole number of at least 1, got 0'],
    [{ queueLimit: -1 }, 'queueLimit must be a whole number of at least 0, got -1'],
    [{ snapshotEvery: 300 }, 'snapshotEvery must be a multiple of prefillChunk (256), got 300'],
    [{ prefixCache: 1 as never }, 'prefixCache must be true or false, got 1'],
    [{ prefixCache: false, snapshotEvery: 512 }, 'snapshotEvery has no effect without a prefix cache'],
    [{ prefixBytes: 5 } as never, 'there is no option "prefixBytes"'],
  ])('%j', (options, message) => {
    expect(() => new Engine(model, options)).toThrow(message);
  });

  it('cacheBytes is what texts and beginnings may take', () => {
    using engine = new Engine(model, { cacheBytes: 1 << 20 });
    expect(engine.counters.bytesLimit).toBe(1 << 20);
  });

  it('prefillChunk and the smallest beginning that can be shared', () => {
    for (const [prefillChunk, grid] of [
      [256, 256],
      [8, 32],
      [24, 48],
    ]) {
      using engine = new Engine(model, { prefillChunk });
      expect(engine.smallestPrefix).toEqual({ boundary: 32, grid });
    }
  });
});
