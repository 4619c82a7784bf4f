// The engine with proposers: the same text as without, in fewer passes.
import { expect, it } from 'vitest';
import { liveHandles } from '../../../torch/index.ts';
import { CachePool, initialWeights, Plamo2 } from '../../index.ts';
import { smallConfig } from '../../lm.testing.ts';
import { Engine } from '../engine.ts';
import type { EngineRequest } from '../request.ts';
import { ask, someIds } from '../writing.testing.ts';
import { Draft } from './draft.ts';
import { PromptLookup } from './prompt-lookup.ts';
import type { Proposer } from './proposer.ts';

const small = (seed = 3) => new Plamo2(smallConfig(), initialWeights(seed));
const prompt = someIds(9);
/** Knows the text, or errs at every third guess. */
const knowing = (text: readonly number[], errs: boolean, log: string[] = []): Proposer => ({
  propose: (ids, most) =>
    text
      .slice(ids.length, ids.length + Math.min(most, 5))
      .map((id, i) => (errs && (ids.length + i) % 3 === 0 ? (id + 1) % 300 : id)),
  [Symbol.dispose]: () => log.push('dispose'),
});

function write(model: Plamo2, requests: Partial<EngineRequest>[], options = {}) {
  using engine = new Engine(model, options);
  const all = requests.map((request) => ask(engine, { prompt, maxTokens: 24, ...request }));
  let passes = 0;
  for (; engine.busy; passes++) engine.step();
  const { proposedTokens, acceptedTokens, preemptions } = engine.counters;
  return {
    all: all.map(({ ids, reason, logprobs, error }) => ({ ids, reason, logprobs, error })),
    passes,
    proposedTokens,
    acceptedTokens,
    preemptions,
  };
}

const settings: Partial<EngineRequest>[] = [
  {},
  { temperature: 1, seed: 5, topP: 0.9 },
  { temperature: 1.3, seed: 6, repetitionPenalty: 1.2, presencePenalty: 0.5, logprobs: 2 },
  { temperature: 1, seed: 7, stopIds: [10, 20, 30, 40, 50, 60, 70, 80], minTokens: 2 },
];

it.each(settings)('writes with %j what it writes alone, to the bit', (request) => {
  using model = small();
  const alone = write(model, [request]);
  const text = [...prompt, ...alone.all[0]!.ids];
  for (const proposer of [
    () => knowing(text, false),
    () => knowing(text, true),
    () =>
      knowing(
        text.map((id) => (id + 1) % 300),
        false,
      ),
    () => new PromptLookup(),
  ]) {
    const guessed = write(model, [{ ...request, proposer: proposer() }]);
    expect(guessed.all).toEqual(alone.all);
  }
  if (alone.all[0]!.ids.length < 12) return;
  const known = write(model, [{ ...request, proposer: knowing(text, false) }]);
  expect(known.passes).toBeLessThan(alone.passes / 3);
  expect(known.acceptedTokens).toBe(known.proposedTokens);
});

it('writes several texts side by side, each with its own guesses', () => {
  using model = small();
  const apart = settings.map((request) => write(model, [request]).all[0]!);
  const together = write(
    model,
    settings.map((request, i) => ({
      ...request,
      proposer: i === 3 ? undefined : knowing([...prompt, ...apart[i]!.ids], i === 1),
    })),
  );
  expect(together.all).toEqual(apart);
});

it('checks fewer guesses the more texts there are, and none where the texts fill a pass', () => {
  using model = small();
  const text = [...prompt, ...write(model, [{}]).all[0]!.ids];
  const known = (count: number) => {
    const requests = Array.from({ length: count }, () => ({ proposer: knowing(text, false) }));
    const { passes, all, proposedTokens } = write(model, requests, { slots: 20 });
    expect(new Set(all.map(({ ids }) => ids.join())).size).toBe(1);
    return { passes, proposed: proposedTokens };
  };
  const [one, four, full] = [known(1), known(4), known(16)];
  expect(one.passes).toBeLessThan(four.passes);
  expect(four.passes).toBeLessThan(full.passes);
  expect([four.proposed > 0, full.proposed]).toEqual([true, 0]);
});

it('leaves behind what the text is, where it is remembered', () => {
  using model = small();
  const alone = write(model, [{ maxTokens: 7 }]).all[0]!.ids;
  using engine = new Engine(model);
  ask(engine, { prompt, maxTokens: 7, remember: true, proposer: knowing([...prompt, ...alone, ...alone], false) });
  while (engine.busy) engine.step();
  const next = ask(engine, { prompt: [...prompt, ...alone, 5], maxTokens: 5 });
  while (engine.busy) engine.step();
  expect(next.usage!.cached).toBe(prompt.length + 6);
  expect(next.ids).toEqual(write(model, [{ prompt: [...prompt, ...alone, 5], maxTokens: 5 }]).all[0]!.ids);
});

it('leaves behind no guesses behind the token with which a callback ended it', () => {
  using model = small();
  const alone = write(model, [{}]).all[0]!.ids;
  using engine = new Engine(model);
  let count = 0;
  const onId = () => ++count === 3;
  ask(engine, { prompt, maxTokens: 24, remember: true, onId, proposer: knowing([...prompt, ...alone], false) });
  while (engine.busy) engine.step();
  const prompts = [[...prompt, ...alone.slice(0, 3), 5], [...prompt, ...alone.slice(0, 5), 5]]; // biome-ignore format: both
  const next = prompts.map((prompt) => ask(engine, { prompt, maxTokens: 5 }));
  while (engine.busy) engine.step();
  expect(next.map(({ usage }) => usage!.cached)).toEqual([prompt.length + 2, prompt.length + 2]);
  for (const [i, prompt] of prompts.entries())
    expect(next[i]!.ids).toEqual(write(model, [{ prompt, maxTokens: 5 }]).all[0]!.ids);
});

it('guesses with another model, the same as with itself for a draft', () => {
  using model = small();
  using other = small(8);
  const alone = write(model, [{ temperature: 1, seed: 2 }]);
  write(other, [{}]); // what a model makes when it is used first
  const before = liveHandles();
  for (const [draft, share] of [
    [model, 0.99],
    [other, -1],
  ] as const) {
    using drafts = new Draft(draft);
    const guessed = write(model, [{ proposer: drafts.proposer() }]);
    expect(guessed.all).toEqual(write(model, [{}]).all);
    expect(guessed.acceptedTokens / guessed.proposedTokens).toBeGreaterThan(share);
    expect(write(model, [{ temperature: 1, seed: 2, proposer: drafts.proposer() }]).all).toEqual(alone.all);
  }
  expect(liveHandles()).toBe(before);
});

it('has a draft read a long prompt piece by piece, and guess when it has read all of it', () => {
  using model = small();
  const long = someIds(700);
  const alone = write(model, [{ prompt: long }]).all;
  using drafts = new Draft(model);
  const guessed = write(model, [{ prompt: long, proposer: drafts.proposer() }]);
  expect(guessed.all).toEqual(alone);
  expect(guessed.acceptedTokens).toBeGreaterThan(10);
  using proposer = drafts.proposer();
  // 700 tokens in pieces of 256: the third has them all.
  expect([1, 2, 3].map(() => proposer.propose(long, 4).length)).toEqual([0, 0, 4]);
  // It was not asked for a while: what came meanwhile is read at once, and guessed from as if it had read all of it from the beginning.
  const later = [...prompt, ...someIds(100)];
  using behind = drafts.proposer();
  using fresh = drafts.proposer();
  behind.propose(prompt, 4);
  expect(behind.propose(later, 4)).toEqual(fresh.propose(later, 4));
});

it('has no ideas of a text with a token that the draft does not know', () => {
  using model = small();
  using other = new Plamo2({ ...smallConfig(), vocab_size: 250 }, initialWeights(4));
  using drafts = new Draft(other);
  const request = { prompt: [...prompt, 260], maxTokens: 6 };
  const { all, proposedTokens } = write(model, [{ ...request, proposer: drafts.proposer() }]);
  expect(all).toEqual(write(model, [request]).all);
  expect(proposedTokens).toBe(0);
});

it('has no ideas where the draft has no room, and disposes a proposer once', () => {
  using model = small();
  using drafts = new Draft(model, { bytes: 1 });
  const alone = write(model, [{}]).all;
  expect(write(model, [{ proposer: drafts.proposer() }])).toMatchObject({ all: alone, proposedTokens: 0 });
  const log: string[] = [];
  write(model, [{ proposer: knowing([], false, log) }]);
  expect(log).toEqual(['dispose']);
});

it('guesses again where a pass had to be put off for want of memory', () => {
  using model = small();
  using pool = new CachePool(model, { bytes: 1 << 30 });
  using drafts = new Draft(model);
  const texts = (proposer?: () => Proposer) =>
    [1, 2].map((seed) => ({ maxTokens: 130, temperature: 1, seed, proposer: proposer?.() }));
  const options = { cacheBytes: 2 * pool.bytesFor(128), prefixCache: false };
  const put = write(
    model,
    texts(() => drafts.proposer()),
    options,
  );
  expect(put.preemptions).toBeGreaterThan(0);
  expect(put.all).toEqual(write(model, texts()).all);
});

it('takes no more guesses than tokens are left, and a draft makes no more than it may', () => {
  using model = small();
  const asked: number[] = [];
  const bold: Proposer = {
    propose(_, most) {
      asked.push(most);
      return Array<number>(20).fill(1);
    },
    [Symbol.dispose]() {},
  };
  const { proposedTokens, passes } = write(model, [{ maxTokens: 4, logitBias: { 1: -100 }, proposer: bold }]);
  expect(asked).toEqual([2, 1]);
  expect([proposedTokens, passes]).toEqual([3, 4]);
  using drafts = new Draft(model, { most: 3 });
  using proposer = drafts.proposer();
  expect([10, 2].map((most) => proposer.propose(prompt, most).length)).toEqual([3, 2]);
});

it('makes room for the next text when a draft’s text has ended, and does not come back to one without room', () => {
  using model = small();
  using pool = new CachePool(model, { bytes: 1 << 30 });
  using drafts = new Draft(model, { most: 1, bytes: pool.bytesFor(prompt.length) });
  const [first, second, third] = [drafts.proposer(), drafts.proposer(), drafts.proposer()];
  expect(first.propose(prompt, 1)).toHaveLength(1);
  expect(second.propose(prompt, 1)).toEqual([]);
  first[Symbol.dispose]();
  expect(second.propose(prompt, 1)).toEqual([]);
  expect(third.propose(prompt, 1)).toHaveLength(1);
});

it('lets guesses be where there is no room for them', () => {
  using model = small();
  const alone = write(model, [{}]).all;
  const text = [...prompt, ...alone[0]!.ids];
  using pool = new CachePool(model, { bytes: 1 << 30 });
  const cacheBytes = pool.bytesFor(prompt.length + 24);
  const guessed = write(model, [{ proposer: knowing(text, false) }], { cacheBytes, prefixCache: false });
  expect(guessed.all).toEqual(alone);
  expect(guessed.proposedTokens).toBeLessThan(20);
});

it('is told to the request alone when a proposer fails, and takes no ids that are none', () => {
  using model = small();
  const alone = write(model, [{}]).all[0]!;
  const failing: Proposer = {
    propose: () => {
      throw new Error('mine');
    },
    [Symbol.dispose]() {},
  };
  const strange: Proposer = { propose: () => [-1, 1e9, 0.5], [Symbol.dispose]() {} };
  const { all } = write(model, [{ proposer: failing }, {}, { proposer: strange }]);
  expect((all[0]!.error as Error).message).toBe('mine');
  expect(all.slice(1)).toEqual([alone, alone]);
});
