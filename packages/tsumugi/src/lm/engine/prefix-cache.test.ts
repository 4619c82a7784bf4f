// Beginnings that prompts share: which are found, what stays within its bytes, and that texts are the same with them.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { liveHandles } from '../../torch/index.ts';
import { Cache, Engine, generateIds, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import { nextLogits } from './pass.ts';
import { PrefixCache } from './prefix-cache.ts';
import { PrefixTree } from './prefix-tree.ts';
import { ask, countPasses, someIds, writeAll } from './writing.testing.ts';

const small = (seed = 4) => new Plamo2(smallConfig(), initialWeights(seed));

describe('PrefixTree', () => {
  /** The definition, by looking at every sequence. */
  function search(kept: ReadonlyMap<string, number[]>, ids: number[]) {
    const parting = new Set<number>();
    for (const other of kept.values()) {
      let n = 0;
      while (n < ids.length && n < other.length && ids[n] === other[n]) n++;
      parting.add(Math.min(n, ids.length - 1, other.length - 1));
    }
    const beginnings = [...kept.values()].filter(
      (each) => each.length < ids.length && each.every((id, i) => ids[i] === id),
    );
    return { beginning: beginnings.sort((a, b) => b.length - a.length)[0]?.join(), parting };
  }

  it('finds what a search through all sequences finds, whatever went in and out', () => {
    const random = new RandomStream(6);
    // Words of two letters: much is shared, and some begin with others.
    const word = () => Array.from({ length: 1 + random.below(9) }, () => random.below(2));
    for (let round = 0; round < 60; round++) {
      const tree = new PrefixTree<string>();
      const kept = new Map<string, number[]>();
      for (let i = 0; i < 60; i++) {
        const ids = word();
        if (random.below(3) === 0) {
          tree.delete(ids);
          kept.delete(ids.join());
        } else {
          tree.set(ids, ids.join());
          kept.set(ids.join(), ids);
        }
        const sought = word();
        const { beginning, parting } = tree.find(sought);
        const expected = search(kept, sought);
        expect(beginning).toBe(expected.beginning);
        for (const place of parting) expect(expected.parting).toContain(place);
        // Where a sequence ends and others go on, one place serves both.
        for (const place of expected.parting)
          if (place > 1) expect(parting.includes(place) || parting.includes(place - 1)).toBe(true);
        expect(parting).toEqual(parting.toSorted((a, b) => a - b));
        expect(tree.get(sought)).toBe(kept.has(sought.join()) ? sought.join() : undefined);
      }
      for (const ids of kept.values()) tree.delete(ids);
      expect(tree.find([0, 1, 0])).toEqual({ beginning: undefined, parting: [] });
    }
  });
});

describe('PrefixCache', () => {
  it('stays within its bytes, and the least recently used goes first', () => {
    using model = small();
    const stateAfter = (ids: number[]) => {
      const cache = new Cache(model);
      nextLogits(model, ids, cache);
      return cache;
    };
    const ids = [0, 1, 2, 3].map((k) => someIds(6, k));
    const found = (prefixes: PrefixCache, k: number) => {
      using cache = prefixes.find([...ids[k]!, 7]).cache;
      return cache?.length;
    };
    const first = stateAfter(ids[0]!); // and the model keeps its tables of angles
    const { bytes } = first;
    first.dispose();
    const before = liveHandles();
    using prefixes = new PrefixCache(3 * bytes);
    for (const k of [0, 1, 2]) prefixes.put(ids[k]!, stateAfter(ids[k]!));
    const kept = liveHandles();
    expect(found(prefixes, 0)).toBe(6);
    prefixes.put(ids[3]!, stateAfter(ids[3]!));
    expect([0, 1, 2, 3].map((k) => found(prefixes, k))).toEqual([6, undefined, 6, 6]);
    expect([prefixes.bytes, liveHandles()]).toEqual([3 * bytes, kept]);
    prefixes.put(ids[3]!, stateAfter(ids[3]!)); // the same again
    expect([prefixes.bytes, liveHandles()]).toEqual([3 * bytes, kept]);
    prefixes[Symbol.dispose]();
    expect([prefixes.bytes, liveHandles()]).toEqual([0, before]);
  });

  it('takes what is put again for used', () => {
    using model = small();
    const state = () => {
      const cache = new Cache(model);
      nextLogits(model, someIds(6), cache);
      return cache;
    };
    const first = state();
    using prefixes = new PrefixCache(2 * first.bytes);
    first.dispose();
    const ids = [0, 1, 2].map((k) => someIds(6, k));
    for (const k of [0, 1, 0, 2]) prefixes.put(ids[k]!, state());
    const found = ids.map((each) => {
      using cache = prefixes.find([...each, 7]).cache;
      return cache !== undefined;
    });
    expect(found).toEqual([true, false, true]);
  });

  it('does not keep a state that is larger than all it may take', () => {
    using model = small();
    const cache = new Cache(model);
    using prefixes = new PrefixCache(cache.bytes - 1);
    prefixes.put([1], cache);
    expect([prefixes.bytes, prefixes.find([1, 2]).cache, cache.layers.length]).toEqual([0, undefined, 0]);
  });
});

describe('prompts that begin alike', () => {
  const shared = Array.from({ length: 80 }, (_, i) => (i * 53 + 7) % 300);
  const ends = [[1, 2], [1, 2, 3], [9], [9, ...shared.slice(0, 40)], [9, ...shared.slice(0, 40), 5], [11]];
  const requests = [...ends.map((end) => [...shared, ...end]), shared].map((prompt) => ({ prompt, maxTokens: 6 }));

  it('are read once where they are alike, with the same result', () => {
    using model = small();
    const written = writeAll(model, requests, { slots: 2 });
    for (const [i, { prompt, maxTokens }] of requests.entries())
      expect(written[i]!.ids).toEqual([...generateIds(model, prompt, { maxTokens })]);
    expect(written.map(({ usage }) => usage!.cached)).toEqual([0, 79, 79, 79, 120, 79, 79]);
  });

  it('are kept from 32 tokens on', () => {
    using model = small();
    for (const [length, cached] of [
      [31, 0],
      [32, 32],
    ] as const) {
      const written = writeAll(
        model,
        [7, 8].map((id) => ({ prompt: [...shared.slice(0, length), id], maxTokens: 1 })),
      );
      expect(written[1]!.usage!.cached).toBe(cached);
    }
  });

  it('may be the same prompt, asked twice', () => {
    using model = small();
    const same = [1, 2].map((seed) => ({ prompt: shared, maxTokens: 2, seed, temperature: 1 }));
    expect(writeAll(model, same).map(({ usage }) => usage!.cached)).toEqual([0, 80]);
    // With another between them the last token is read again.
    const apart = writeAll(model, [same[0]!, { prompt: [7], maxTokens: 2 }, same[1]!]);
    expect(apart.map(({ usage }) => usage!.cached)).toEqual([0, 0, 79]);
    // What one does with its logits is its own affair.
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

  it('are kept wherever they part: from what is kept and from what is open', () => {
    using model = small();
    using engine = new Engine(model, { slots: 1 });
    const write = (...prompts: number[][]) => {
      const written = prompts.map((prompt) => ask(engine, { prompt, maxTokens: 1, remember: prompts.length === 1 }));
      while (engine.busy) engine.step();
      return written.map(({ usage }) => usage!.cached);
    };
    const start = shared.slice(0, 40);
    write([...start, ...someIds(20, 1)]);
    const longer = [...start, ...someIds(40, 2)];
    expect(write([...longer, 1], [...longer, 2])).toEqual([0, 80]);
    expect(write([...start, ...someIds(9, 3)])).toEqual([40]);
  });

  it('are forgotten with the texts they belong to', () => {
    using model = small();
    using engine = new Engine(model);
    for (const end of [1, 2]) {
      ask(engine, { prompt: [...shared, end], maxTokens: 2 });
      while (engine.busy) engine.step();
    }
    expect(engine.prefixBytes).toBe(0);
  });

  it('need not be neighbours, nor ask at the same time', () => {
    using model = small();
    const other = (k: number) => ({ prompt: someIds(70, k), maxTokens: 2 });
    const passes = countPasses(model);
    using engine = new Engine(model, { slots: 2 });
    const write = (prompt: number[]) => {
      const written = ask(engine, { prompt, maxTokens: 2 });
      while (engine.busy) engine.step();
      return written;
    };
    const mixed = [requests[0]!, other(1), other(2), requests[2]!].map((request) => ask(engine, request));
    while (engine.busy) engine.step();
    expect(mixed.map(({ usage }) => usage!.cached)).toEqual([0, 0, 0, 80]);
    for (let k = 3; k < 9; k++) write(someIds(70, k));
    passes.length = 0;
    const late = write([...shared, 33, 34]);
    expect([late.usage!.cached, passes[0]]).toEqual([80, [1, 2]]);
    expect(late.ids).toEqual([...generateIds(model, [...shared, 33, 34], { maxTokens: 2 })]);
  });

  it('are not kept when there is no memory for it', () => {
    using model = small();
    using engine = new Engine(model, { slots: 2, prefixBytes: 0 });
    const written = requests.map((request) => ask(engine, request));
    while (engine.busy) engine.step();
    expect(written.map(({ usage }) => usage!.cached)).toEqual(Array(7).fill(0));
    expect(engine.prefixBytes).toBe(0);
    expect(() => ask(engine, { remember: true })).toThrow(
      'a text cannot be remembered: the engine has no prefix cache',
    );
  });
});

describe('a text that is remembered', () => {
  it.each([1, 3])('is gone on from: a turn costs what is new, with %i slots', (slots) => {
    using model = small();
    const passes = countPasses(model);
    using engine = new Engine(model, { slots });
    const others = () => (slots === 1 ? [] : [2, 3].map((k) => ask(engine, { prompt: someIds(9, k), maxTokens: 12 })));
    let text = someIds(20);
    for (let turn = 0; turn < 4; turn++) {
      const beside = others();
      const written = ask(engine, { prompt: text, maxTokens: 10, remember: true });
      passes.length = 0;
      while (engine.busy) engine.step();
      const read = text.length - written.usage!.cached;
      expect(passes.filter(([rows, tokens]) => rows === 1 && tokens === read).length).toBeGreaterThan(0);
      // All but the last new token was read before, and with it come three of the person's.
      expect(read).toBe(turn === 0 ? 20 : 4);
      expect(written.ids).toEqual([...generateIds(model, text, { maxTokens: 10 })]);
      for (const [i, { ids }] of beside.entries())
        expect(ids).toEqual([...generateIds(model, someIds(9, 2 + i), { maxTokens: 12 })]);
      text = [...text, ...written.ids, ...someIds(3, turn)];
    }
  });

  it('is gone on from in several ways, and anew: where ways part, the next one finds a state', () => {
    using model = small();
    using engine = new Engine(model);
    const write = (prompt: number[]) => {
      const written = ask(engine, { prompt, maxTokens: 40, remember: true, temperature: 1, seed: prompt.length });
      while (engine.busy) engine.step();
      expect(written.ids).toEqual([
        ...generateIds(model, prompt, { maxTokens: 40, temperature: 1, seed: prompt.length }),
      ]);
      return written;
    };
    const prompt = someIds(50);
    const { ids } = write(prompt);
    const whole = [...prompt, ...ids];
    expect(write([...whole, 1]).usage!.cached).toBe(89);
    expect(write([...whole, 2, 3]).usage!.cached).toBe(89);
    expect([1, 2].map(() => write(prompt).usage!.cached)).toEqual([0, 49]); // once it is known that it comes again
    const branch = [...whole.slice(0, 85), 299];
    expect([1, 2].map(() => write(branch).usage!.cached)).toEqual([49, 85]);
    expect(write([...branch, 5]).usage!.cached).toBe(85);
  });

  it('is gone on from though its last token, which was not read, is another', () => {
    using model = small();
    using engine = new Engine(model);
    const write = (prompt: number[]) => {
      const written = ask(engine, { prompt, maxTokens: 5, remember: true });
      while (engine.busy) engine.step();
      return written;
    };
    const whole = [...someIds(20), ...write(someIds(20)).ids];
    const other = [...whole.slice(0, -1), (whole.at(-1)! + 1) % 300, 7];
    expect(write(other).usage!.cached).toBe(24);
  });

  it('is gone on from where a callback cancelled it', () => {
    using model = small();
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
    const second = ask(engine, { prompt: [...someIds(20), ...first.ids, 5], maxTokens: 3 });
    while (engine.busy) engine.step();
    expect(second.usage!.cached).toBe(24);
  });

  it('is gone on from where it was cancelled', () => {
    using model = small();
    using engine = new Engine(model);
    const first = ask(engine, { prompt: someIds(20), remember: true });
    for (let i = 0; i < 6; i++) engine.step();
    first.job.cancel();
    expect(engine.busy).toBe(false);
    const second = ask(engine, { prompt: [...someIds(20), ...first.ids, 5], maxTokens: 3 });
    while (engine.busy) engine.step();
    expect(second.usage).toEqual({ prompt: 27, cached: 25, generated: 3 });
  });
});
