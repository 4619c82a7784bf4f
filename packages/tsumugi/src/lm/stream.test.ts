// Streams: the event loop lives while they write, an end from outside frees everything, and several share an engine.
import { getEventListeners } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { liveHandles } from '../torch/index.ts';
import { uncaught } from './engine/uncaught.testing.ts';
import { countedEngine } from './engine/writing.testing.ts';
import { Engine, type FinishReason, generateText, type Plamo2, type StreamTextOptions, streamText } from './index.ts';
import { tinyModelOfFile } from './tiny-model.testing.ts';

const tiny = tinyModelOfFile();
const tokenizer = tiny.loadTokenizer();

interface Whole {
  text: string;
  reason: FinishReason;
}

function whole(model: Plamo2, prompt: string, options: object): Whole {
  const pieces = generateText(model, tokenizer, prompt, options);
  let text = '';
  let next = pieces.next();
  for (; !next.done; next = pieces.next()) text += next.value;
  return { text, reason: next.value };
}

async function read(source: Plamo2 | Engine, prompt: string, options: StreamTextOptions = {}): Promise<Whole> {
  const pieces = streamText(source, tokenizer, prompt, options);
  let text = '';
  let next = await pieces.next();
  for (; !next.done; next = await pieces.next()) text += next.value;
  return { text, reason: next.value };
}

it.each([
  ['greedy', {}],
  ['sampled', { temperature: 1, seed: 3, repetitionPenalty: 1.2 }],
  ['a stop string', { temperature: 1, seed: 4, stop: ['犬', 'の'] }],
  ['nothing', { maxTokens: 0 }],
])('writes what generateText writes: %s', async (_, options) => {
  using model = tiny.load();
  for (const prompt of ['猫', '吾輩は猫である。名前は'])
    expect(await read(model, prompt, { maxTokens: 30, ...options })).toEqual(
      whole(model, prompt, { maxTokens: 30, ...options }),
    );
});

it('gives each piece as it comes, and timers their turn between tokens', async () => {
  using model = tiny.load();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 0);
  const seen: number[] = [];
  let tokens = 0;
  const ahead: number[] = [];
  const options = { maxTokens: 200, temperature: 1, stop: [], onId: () => tokens++ };
  for await (const _ of streamText(model, tokenizer, '猫', options)) {
    seen.push(ticks);
    ahead.push(tokens);
  }
  clearInterval(timer);
  // A timer waits for a millisecond at least, and a token takes less than that on a fast machine.
  expect(new Set(seen).size).toBeGreaterThan(tokens / 100);
  // Pieces come long before the text has ended.
  expect(ahead[0]).toBeLessThan(5);
});

it('ends at once when its signal says so: the reason is thrown, and everything is free before it is', async () => {
  using model = tiny.load();
  await read(model, '猫', { maxTokens: 1 });
  const before = liveHandles();
  const controller = new AbortController();
  const reason = new Error('gone');
  const reading = (async () => {
    for await (const _ of streamText(model, tokenizer, '猫', {
      maxTokens: 1e6,
      stopIds: [],
      signal: controller.signal,
    }));
  })();
  await setTimeout(20);
  expect(liveHandles()).toBeGreaterThan(before);
  controller.abort(reason);
  expect(liveHandles()).toBe(before);
  await expect(reading).rejects.toBe(reason);
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  await expect(read(model, '猫', { signal: controller.signal })).rejects.toBe(reason);
  await setImmediate();
  expect(liveHandles()).toBe(before);
});

it('may be aborted from its own callback, and while nobody asks for a piece', async () => {
  using model = tiny.load();
  await read(model, '猫', { maxTokens: 1 });
  const before = liveHandles();
  const controller = new AbortController();
  let tokens = 0;
  const onId = () => {
    if (++tokens === 3) controller.abort();
  };
  await expect(read(model, '猫', { stopIds: [], onId, signal: controller.signal })).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect([tokens, liveHandles()]).toEqual([3, before]);

  const second = new AbortController();
  const pieces = streamText(model, tokenizer, '猫', { maxTokens: 1e6, stopIds: [], signal: second.signal });
  await pieces.next();
  await setTimeout(10);
  second.abort();
  expect(liveHandles()).toBe(before);
  await expect(pieces.next()).rejects.toMatchObject({ name: 'AbortError' });
});

it('is aborted though all of it is written and waits to be read', async () => {
  using model = tiny.load();
  const controller = new AbortController();
  const reason = new Error('gone');
  let written = false;
  const options = { maxTokens: 5, stopIds: [], onUsage: () => (written = true), signal: controller.signal };
  const pieces = streamText(model, tokenizer, '猫', options);
  await pieces.next();
  while (!written) await setImmediate();
  controller.abort(reason);
  await expect(pieces.next()).rejects.toBe(reason);
});

it('frees everything when the loop is left early', async () => {
  using model = tiny.load();
  await read(model, '猫', { maxTokens: 1 });
  const before = liveHandles();
  const { signal } = new AbortController();
  for await (const _ of streamText(model, tokenizer, '猫', { maxTokens: 1e6, stopIds: [], signal })) break;
  expect(liveHandles()).toBe(before);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  await setTimeout(5);
  expect(liveHandles()).toBe(before);
});

it('throws what goes wrong, after the pieces that came before it', async () => {
  using model = tiny.load();
  const forward = model.forward.bind(model);
  const expected = whole(model, '猫', { maxTokens: 6, stopIds: [] }).text;
  const before = liveHandles();
  let passes = 0;
  model.forward = (...args) => {
    if (++passes === 7) throw new Error('no memory');
    return forward(...args);
  };
  let text = '';
  await expect(async () => {
    for await (const piece of streamText(model, tokenizer, '猫', { stopIds: [] })) text += piece;
  }).rejects.toThrow('no memory');
  expect(text).toBe(expected);
  expect(liveHandles()).toBe(before);
  await expect(read(model, '猫', { temperature: -1 })).rejects.toThrow('temperature must be');
  await expect(read(model, 5 as never, {})).rejects.toThrow('the prompt must be a text or a list of ids, got number 5');
  await expect(read(model, '猫', { signal: new AbortController() as never })).rejects.toThrow(
    'streamText: signal must be an AbortSignal, got an AbortController',
  );
  for (const [stop, got] of [
    [5, 'number 5'],
    [null, 'null'],
    [['a', 1], 'an array'],
  ] as const)
    await expect(read(model, '猫', { stop: stop as never })).rejects.toThrow(
      `stop must be a text or a list of texts, got ${got}`,
    );
});

it('throws the first that its callbacks reject with, and has ended in the engine by then, also when nobody reads', async () => {
  using model = tiny.load();
  using engine = new Engine(model);
  let calls = 0;
  const onId = async () => {
    const call = ++calls;
    for (let k = 0; k < 3; k++) await setImmediate();
    throw new Error(`call ${call}`);
  };
  const pieces = streamText(engine, tokenizer, '猫', { maxTokens: 1e6, stopIds: [], onId });
  const first = pieces.next();
  while (calls < 2) await setImmediate();
  for (let k = 0; k < 20; k++) await setImmediate();
  expect(engine.busy).toBe(false);
  await expect(async () => {
    await first;
    for await (const _ of pieces);
  }).rejects.toThrow('call 1');
});

it('leaves to the process what is rejected when nobody waits for the text any more', async () => {
  using model = tiny.load();
  const controller = new AbortController();
  const late = async () => {
    for (let k = 0; k < 5; k++) await setImmediate();
    throw new Error('late');
  };
  const ended = await uncaught(() => read(model, '猫', { maxTokens: 1, stopIds: [], onUsage: late }));
  expect(ended).toEqual(['unhandledRejection late']);
  const gone = Promise.withResolvers<void>();
  const afterAbort = await uncaught(async () => {
    const onId = () => gone.promise.then(late);
    const aborted = read(model, '猫', { maxTokens: 1e6, stopIds: [], onId, signal: controller.signal });
    await setTimeout(2);
    controller.abort(new Error('gone'));
    await expect(aborted).rejects.toThrow('gone');
    gone.resolve();
  });
  expect(new Set(afterAbort)).toEqual(new Set(['unhandledRejection late']));
});

it('knows its options', async () => {
  using model = tiny.load();
  await expect(read(model, '猫', { maxToken: 3 } as object)).rejects.toThrow(
    'streamText: there is no option "maxToken"',
  );
  await expect(read(model, '猫', { signal: 3 as never })).rejects.toMatchObject({ code: 'bad-option' });
});

it('shares an engine: streams that begin at different times are written in the same passes', async () => {
  using model = tiny.load();
  const expected = ['猫', '吾輩は', '山'].map((prompt) => whole(model, prompt, { maxTokens: 40, stopIds: [] }));
  const { engine, passes } = countedEngine(model, { slots: 4 });
  using _ = engine;
  const first = read(engine, '猫', { maxTokens: 40, stopIds: [] });
  while (passes.length < 8) await setImmediate();
  const second = read(engine, '吾輩は', { maxTokens: 40, stopIds: [] });
  while (!passes.some(([rows]) => rows === 2)) await setImmediate();
  const third = read(engine, '山', { maxTokens: 40, stopIds: [] });
  expect(await Promise.all([first, second, third])).toEqual(expected);
  // Three prompts, and 39 tokens after the first of each: fewer passes than tokens, since some are taken together.
  const rows = passes.filter(([, tokens]) => tokens === 1).map(([count]) => count);
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(3 * 39);
  expect(rows.filter((count) => count === 3).length).toBeGreaterThan(20);
  expect(passes.length).toBeLessThan(70);
});

it('shares an engine: the end of one, by its reader or its signal, leaves the others alone', async () => {
  using model = tiny.load();
  const expected = whole(model, '山', { maxTokens: 60, stopIds: [] });
  using engine = new Engine(model, { slots: 2, prefixCache: false });
  const controller = new AbortController();
  const endless = { maxTokens: 1e6, stopIds: [] };
  const broken = (async () => {
    for await (const _ of streamText(engine, tokenizer, '猫', endless)) break;
  })();
  const aborted = read(engine, '犬', { ...endless, signal: controller.signal });
  const waiting = read(engine, '川', { ...endless, signal: controller.signal }); // there is no slot for it yet
  const whom = read(engine, '山', { maxTokens: 60, stopIds: [] });
  await broken;
  globalThis.setTimeout(() => controller.abort(), 10);
  for (const each of [aborted, waiting]) await expect(each).rejects.toMatchObject({ name: 'AbortError' });
  expect(await whom).toEqual(expected);
  expect(engine.busy).toBe(false);
  // Later ones find it ready.
  expect(await read(engine, '山', { maxTokens: 60, stopIds: [] })).toEqual(expected);
});

it('tells every stream when the engine is disposed', async () => {
  using model = tiny.load();
  const engine = new Engine(model, { slots: 1 });
  const streams = ['猫', '犬'].map((prompt) => read(engine, prompt, { maxTokens: 1e6, stopIds: [] }));
  await setTimeout(5);
  engine[Symbol.dispose]();
  for (const each of streams) await expect(each).rejects.toMatchObject({ code: 'engine-disposed' });
});
