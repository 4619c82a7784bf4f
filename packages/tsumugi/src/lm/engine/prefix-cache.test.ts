// Beginnings that prompts share: what is found of them, why there is not more, and that texts are the same with them.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Engine, generateIds, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import { cachedReasons } from './cached-reason.ts';
import type { EngineOptions } from './engine-options.ts';
import { PlainMemory } from './plain-memory.testing.ts';
import type { EngineRequest } from './request.ts';
import { ask, countedEngine, someIds, writeAll } from './writing.testing.ts';

const model = new Plamo2(smallConfig(), initialWeights(4));
afterAll(() => model.dispose());
writeAll(model, [{ maxTokens: 2 }]); // the model keeps its tables of angles
const shared = Array.from({ length: 80 }, (_, i) => (i * 53 + 7) % 300);

/** An engine that writes one prompt after another, and tells what came from the cache. */
function oneByOne(options: EngineOptions = {}, memory?: PlainMemory) {
  const engine = new Engine(model, options, memory);
  const write = (prompt: number[], request: Partial<EngineRequest> = {}) => {
    const written = ask(engine, { prompt, maxTokens: 1, ...request });
    while (engine.busy) engine.step();
    if (written.error) throw written.error;
    const { cached, matched, cachedReason } = written.usage!;
    return { ids: written.ids, found: [cached, cachedReason], matched };
  };
  return { engine, write, [Symbol.dispose]: () => engine[Symbol.dispose]() };
}

describe('prompts that begin alike', () => {
  const ends = [[1, 2], [1, 2, 3], [9], [9, ...shared.slice(0, 40)], [9, ...shared.slice(0, 40), 5], [11]];
  const requests = [...ends.map((end) => [...shared, ...end]), shared].map((prompt) => ({ prompt, maxTokens: 6 }));

  it('are read once where they are alike, up to the grid, with the same result', () => {
    const written = writeAll(model, requests, { slots: 2, prefillChunk: 8 });
    for (const [i, { prompt, maxTokens }] of requests.entries())
      expect(written[i]!.ids).toEqual(writeAll(model, [{ prompt, maxTokens }], { prefillChunk: 8 })[0]!.ids);
    expect(written.map(({ usage }) => usage!.cached)).toEqual([0, 80, 80, 80, 120, 80, 0]);
  });

  it('are kept from 32 tokens on', () => {
    for (const [boundary, cached] of [
      [31, 0],
      [32, 32],
    ] as const) {
      const requests = [7, 8].map((id) => ({ prompt: [...shared.slice(0, boundary), id], boundaries: [boundary] }));
      const written = writeAll(
        model,
        requests.map((request) => ({ ...request, maxTokens: 1 })),
      );
      expect(written[1]!.usage!.cached).toBe(cached);
    }
  });

  it('may be the same prompt, asked any number of times: it begins without a pass', () => {
    const { engine, passes } = countedEngine(model);
    using _ = engine;
    const asked = [1, 2, 3, 4].map((seed) => ask(engine, { prompt: shared, maxTokens: 2, seed, temperature: 1 }));
    while (engine.busy) engine.step();
    expect(asked.map(({ usage }) => usage!.cached)).toEqual([0, 80, 80, 80]);
    expect(passes).toEqual([[1, 80], [4, 1]]); // biome-ignore format: [texts, tokens]
    passes.length = 0;
    const later = ask(engine, { prompt: shared, maxTokens: 3 });
    while (engine.busy) engine.step();
    expect([later.usage!.cachedReason, passes]).toEqual(['whole', [[1, 1], [1, 1]]]); // biome-ignore format: [texts, tokens]
    expect(later.ids).toEqual([...generateIds(model, shared, { maxTokens: 3 })]);
  });

  it('may be the same short prompt at the same time: it is read once', () => {
    const { engine, passes } = countedEngine(model);
    using _ = engine;
    for (const seed of [1, 2]) ask(engine, { prompt: [1, 2, 3], maxTokens: 2, seed });
    while (engine.busy) engine.step();
    expect(passes).toEqual([[1, 3], [2, 1]]); // biome-ignore format: [texts, tokens]
  });

  it('do with the logits of the same prompt what each wants', () => {
    const settings = [{ repetitionPenalty: 50 }, { vocabularyLimit: 20 }, {}].map((each) => ({
      ...each,
      maxTokens: 3,
    }));
    const written = writeAll(
      model,
      settings.map((each) => ({ prompt: shared, ...each })),
    );
    for (const [i, each] of settings.entries()) expect(written[i]!.ids).toEqual([...generateIds(model, shared, each)]);
  });

  it('need not ask at the same time: the third finds where the second parted', () => {
    using engine = oneByOne({ prefillChunk: 8, snapshotEvery: 800 });
    expect(engine.write([...shared, 1]).found).toEqual([0, 'nothing-known']);
    expect(engine.write([...shared, 2])).toMatchObject({ found: [0, 'state-missing'], matched: 80 });
    expect(engine.write([...shared, 3, 4]).found).toEqual([80, 'rest-is-new']);
    expect(engine.engine.counters).toMatchObject({
      prefixQueries: 3,
      prefixHits: 1,
      stateMissing: 1,
      cachedTokens: 80,
    });
  });

  it('find states after every so many tokens', () => {
    using engine = oneByOne({ prefillChunk: 8, snapshotEvery: 40 });
    expect(engine.write([...shared, 1]).found).toEqual([0, 'nothing-known']);
    expect(engine.write([...shared.slice(0, 79), 2]).found).toEqual([40, 'state-missing']); // 72 on the grid are the same
  });

  it('find states at message boundaries, wherever they are', () => {
    using engine = oneByOne();
    const boundaries = [37, 75];
    expect(engine.write([...shared, 1], { boundaries }).found).toEqual([0, 'nothing-known']);
    expect(engine.write([...shared.slice(0, 75), 2], { boundaries }).found).toEqual([75, 'rest-is-new']);
    expect(engine.write([...shared.slice(0, 40), 3], { boundaries: [37] }).found).toEqual([37, 'rest-is-new']);
    // Cut elsewhere, it is read in other pieces, whose sums are other ones.
    expect(engine.write([...shared, 4], { boundaries: [36, 75] }).found).toEqual([0, 'nothing-known']);
    expect(engine.write([...shared, 5]).found).toEqual([0, 'nothing-known']);
  });

  it('of boundaries that are close together keep the last', () => {
    using engine = oneByOne();
    engine.write([...shared, 1], { boundaries: [40, 50, 60] });
    expect(engine.write([...shared.slice(0, 55), 1], { boundaries: [40, 50] }).found).toEqual([0, 'state-missing']);
    expect(engine.write([...shared.slice(0, 65), 1], { boundaries: [40, 50, 60] }).found).toEqual([60, 'rest-is-new']);
  });

  it('are not shared between tenants', () => {
    using engine = oneByOne();
    const tenants = ['a', 'b', 'a', undefined, ''] as const;
    const found = tenants.map((cacheSalt) => engine.write(shared, { cacheSalt, remember: true }).found[1]);
    expect(found).toEqual(['nothing-known', 'nothing-known', 'whole', 'nothing-known', 'whole']);
    const { ids } = engine.write(shared, { cacheSalt: 'a', maxTokens: 9, remember: true });
    const next = [...shared, ...ids, 5];
    expect(engine.write(next, { cacheSalt: 'b' }).found[0]).toBe(0);
    expect(engine.write(next, { cacheSalt: 'a' }).found).toEqual([88, 'rest-is-new']);
  });

  it('have nothing to share when there is no prefix cache', () => {
    using engine = oneByOne({ prefixCache: false });
    expect([1, 2].map(() => engine.write(shared).found)).toEqual(Array(2).fill([0, 'disabled']));
    expect(engine.engine.counters).toMatchObject({ snapshots: 0, bytesUsed: 0, prefixQueries: 0 });
    expect(engine.engine.smallestPrefix).toBeUndefined();
    expect(() => engine.write(shared, { remember: true })).toThrow('a text cannot be remembered');
  });

  it('tell that a state had to make room', () => {
    const one = new PlainMemory(model).bytesFor(1);
    const room = new PlainMemory(model, 4 * one + 4 * model.config.vocab_size * 2);
    using engine = oneByOne({}, room);
    engine.write(shared);
    for (let k = 0; k < 4; k++) engine.write(someIds(70, k));
    expect(engine.write(shared)).toMatchObject({ found: [0, 'evicted'], matched: 80 });
    expect(engine.engine.counters.evictions).toBeGreaterThan(0);
    expect(engine.engine.counters.stateMissing).toBe(1);
  });

  it('are within the limit with what comes next, and those used last stay', () => {
    const logits = 4 * model.config.vocab_size;
    const room = new PlainMemory(model, 5 * (new PlainMemory(model).bytesFor(41) + logits));
    using engine = oneByOne({}, room);
    const write = (k: number) => {
      const { found } = engine.write(someIds(40, k));
      const { bytesUsed, bytesLimit, snapshots } = engine.engine.counters;
      expect(bytesUsed).toBe(room.used + snapshots * logits);
      expect(bytesUsed).toBeLessThanOrEqual(bytesLimit);
      return found[1];
    };
    for (const k of [0, 1, 0]) write(k);
    for (let k = 2; engine.engine.counters.evictions === 0; k++) write(k);
    expect([write(0), write(1)]).toEqual(['whole', 'evicted']);
  });

  it('tell that the last piece is read again, where a prompt ends in the middle of a longer one', () => {
    using engine = oneByOne();
    engine.write([...shared, 1], { boundaries: [40, 80] });
    expect(engine.write(shared, { boundaries: [40] })).toMatchObject({ found: [40, 'last-piece'], matched: 80 });
    expect(engine.write(shared, { boundaries: [40] }).found).toEqual([80, 'whole']);
  });

  it('have a sentence for every reason', () => {
    const page = readFileSync(new URL('../../../../../docs/generation.md', import.meta.url), 'utf8');
    for (const [reason, sentence] of Object.entries(cachedReasons)) {
      expect(sentence).toMatch(/^[A-Z].*\.$/);
      const inTable = `${sentence[0]!.toLowerCase()}${sentence.slice(1, -1)}`;
      expect(page).toContain(`| \`${reason}\` | ${inTable} |`);
    }
  });
});

describe('a text that is remembered', () => {
  it('is gone on from: a turn reads what is new alone, and a branch and a regeneration find their place', () => {
    const { engine, passes } = countedEngine(model);
    using _ = engine;
    let text = someIds(40);
    const boundaries: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      boundaries.push(text.length);
      const request = { prompt: text, boundaries: [...boundaries], maxTokens: 10, remember: true };
      const written = ask(engine, request);
      passes.length = 0;
      while (engine.busy) engine.step();
      const read = turn === 0 ? 40 : 4; // the last new token was not read yet, and with it come three of the person's
      expect(passes).toEqual([[1, read], ...Array(9).fill([1, 1])]);
      expect(written.usage!.cached).toBe(text.length - read);
      // The same question again, and another one in its place.
      passes.length = 0;
      const again = ask(engine, { ...request, temperature: 1, seed: turn });
      while (engine.busy) engine.step();
      expect([again.usage!.cachedReason, passes]).toEqual(['whole', Array(9).fill([1, 1])]);
      passes.length = 0;
      const branch = ask(engine, {
        prompt: [...text.slice(0, -1), 299],
        maxTokens: 1,
        boundaries: boundaries.slice(0, -1),
      });
      while (engine.busy) engine.step();
      if (turn > 0) expect(branch.usage!.cached).toBe(text.length - read);
      text = [...text, ...written.ids, ...someIds(3, turn)];
    }
  });

  it('is gone on from where it was cancelled, from a callback or from outside', () => {
    using engine = new Engine(model);
    const first = ask(engine, {
      prompt: someIds(20),
      remember: true,
      onId: (id) => {
        if (first.ids.push(id) === 5) first.job.cancel();
        return false;
      },
    });
    while (engine.busy) engine.step();
    expect(first.reason).toBeUndefined();
    const second = ask(engine, { prompt: [...someIds(20), ...first.ids, 5], remember: true });
    for (let i = 0; i < 6; i++) engine.step();
    second.job.cancel();
    expect(engine.busy).toBe(false);
    expect(second.job.usage).toMatchObject({ prompt: 26, cached: 24, generated: 6 });
    const third = ask(engine, { prompt: [...someIds(20), ...first.ids, 5, ...second.ids, 6], maxTokens: 3 });
    while (engine.busy) engine.step();
    expect(third.usage!.cached).toBe(31);
  });

  it('is read on where a prompt ends as it does, since nothing is known of what comes next', () => {
    using engine = oneByOne();
    const { ids } = engine.write(shared, { maxTokens: 9, remember: true });
    const next = [...shared, ...ids.slice(0, -1)];
    const { ids: again } = writeAll(model, [{ prompt: next, boundaries: [80], maxTokens: 1 }])[0]!;
    expect(engine.write(next, { boundaries: [80] })).toMatchObject({ ids: again, found: [80, 'state-missing'] });
  });

  it('tells where its state had to make room', () => {
    const memory = new PlainMemory(model, 5 * new PlainMemory(model).bytesFor(1));
    using engine = oneByOne({}, memory);
    const { ids } = engine.write(someIds(40), { maxTokens: 50, remember: true });
    for (let k = 1; k < 5; k++) engine.write(someIds(70, k));
    const next = [...someIds(40), ...ids, 5];
    expect(engine.write(next)).toMatchObject({ found: [0, 'evicted'], matched: 89 });
  });
});

it('does not remember a text whose pass failed', () => {
  class Failing extends PlainMemory {
    override decode(rows: Parameters<PlainMemory['decode']>[0]) {
      if (rows[0]!.state.length === shared.length + 2) throw new Error('mine');
      return super.decode(rows);
    }
  }
  using engine = new Engine(model, {}, new Failing(model));
  const failed = ask(engine, { prompt: shared, maxTokens: 9, remember: true });
  while (engine.busy) engine.step();
  expect((failed.error as Error).message).toBe('mine');
  const next = ask(engine, { prompt: [...shared, ...failed.ids, 5], maxTokens: 1 });
  while (engine.busy) engine.step();
  expect(next.usage!.cached).toBe(0);
});
