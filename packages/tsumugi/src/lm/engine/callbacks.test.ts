// Whose fault a callback's fault is: it ends its own text and is told to its own caller, whoever else uses the engine and whoever
// makes the steps.
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { liveHandles } from '../../torch/index.ts';
import { generateIds, initialWeights, Plamo2, streamText } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import { tinyModelOfFile } from '../tiny-model.testing.ts';
import { Engine } from './engine.ts';
import type { EngineRequest } from './request.ts';
import { uncaught } from './uncaught.testing.ts';
import { ask, someIds } from './writing.testing.ts';

const tiny = tinyModelOfFile();
const tokenizer = tiny.loadTokenizer();
const small = () => new Plamo2(smallConfig(), initialWeights(3));
const prompt = someIds(5);
const alone = (model: Plamo2, maxTokens: number) => [...generateIds(model, prompt, { maxTokens })];
const fault = (message: string) => () => {
  throw new Error(message);
};
const later = (message: string) => () => Promise.reject(new Error(message)) as never;
/** Of several that are under way, each rejects later than the one before. */
const slowly = (message: string) => {
  let calls = 0;
  return async () => {
    for (let k = 6 + calls++; k > 0; k--) await setImmediate();
    throw new Error(message);
  };
};
const messageOf = (error: unknown) => (error as Error | undefined)?.message;

it('is the fault of its request alone, while somebody else makes the steps', async () => {
  using model = small();
  const expected = alone(model, 9);
  const before = liveHandles();
  const strange: (Partial<EngineRequest> & { told: string })[] = [
    { onId: fault('in onId'), told: 'in onId' },
    { onEnd: fault('in onEnd'), told: 'in onEnd' },
  ];
  const heard = await uncaught(() => {
    using engine = new Engine(model);
    const written = strange.map(({ told: _, ...request }) => ask(engine, { maxTokens: 4, ...request }));
    ask(engine, { maxTokens: 4, onId: fault('at first'), onError: fault('in onError') });
    expect([...generateIds(engine, prompt, { maxTokens: 9 })]).toEqual(expected);
    expect(written.map(({ error }) => messageOf(error))).toEqual(strange.map(({ told }) => told));
    // Nor is it the fault of who disposes the engine.
    ask(engine, { onError: fault('in the end') });
  });
  expect(heard).toEqual(['uncaughtException in onError', 'uncaughtException in the end']);
  expect(liveHandles()).toBe(before);
});

it('is told to its request when it comes as a rejection, at whatever time, once', async () => {
  using model = small();
  const expected = alone(model, 9);
  const heard = await uncaught(async () => {
    using engine = new Engine(model);
    const first = ask(engine, { prompt, maxTokens: 9, onId: later('in onId') });
    const ended: string[] = [];
    const errors: (string | undefined)[] = [];
    const onEnd = (why: string) => {
      ended.push(why);
      return later('in onEnd')();
    };
    ask(engine, { prompt, maxTokens: 2, onEnd, onError: (error) => errors.push(messageOf(error)) });
    const other = ask(engine, { prompt, maxTokens: 9 });
    for (let i = 0; i < 4; i++) engine.step(); // more than one rejects
    await engine.run();
    await setImmediate();
    expect([first.reason, messageOf(first.error)]).toEqual([undefined, 'in onId']);
    expect(first.job.usage.generated).toBeLessThan(6);
    expect([ended, errors]).toEqual([['length'], ['in onEnd']]);
    expect([other.reason, other.ids]).toEqual(['length', expected]);
  });
  expect(heard).toEqual([]);
});

it('is no end of a text that a callback is asynchronous', async () => {
  using model = small();
  using engine = new Engine(model);
  let called = 0;
  const written = ask(engine, { maxTokens: 5, onId: async () => ++called > 0 });
  await engine.run();
  expect([called, written.reason]).toEqual([5, 'length']);
});

it('takes a request as it is when it is added, with its callbacks as its methods', () => {
  using model = small();
  const expected = alone(model, 6);
  const ids: number[] = [];
  const ends: string[] = [];
  const request: EngineRequest & { stopIds: number[]; prompt: number[] } = {
    prompt: [...prompt],
    stopIds: [],
    maxTokens: 6,
    onId(id) {
      ids.push(id);
      return this !== request;
    },
    onEnd(reason) {
      ends.push(reason);
    },
    onError: fault('no error'),
  };
  using engine = new Engine(model);
  engine.add(request);
  const changes = [
    { onId: fault('mine'), temperature: 5, repetitionPenalty: 9 },
    { onEnd: fault('mine') },
    { maxTokens: 1, logprobs: 3 },
  ];
  for (let k = 0; engine.busy && k < 20; k++) {
    Object.assign(request, changes.shift());
    request.stopIds.push(...expected);
    request.prompt.push(1);
    engine.step();
  }
  expect([ids, ends, changes]).toEqual([expected, ['length'], []]);
});

it('is thrown to whoever waits for the text, and to nobody else', async () => {
  using model = tiny.load();
  using engine = new Engine(model);
  const read = (options: object) =>
    Array.fromAsync(streamText(engine, tokenizer, '猫', { maxTokens: 12, stopIds: [], ...options }));
  const whole = (await read({})).join('');
  const heard = await uncaught(async () => {
    const texts = await Promise.allSettled([
      read({ onId: slowly('in onId') }),
      read({}),
      read({ onUsage: later('in onUsage') }),
      read({ onUsage: fault('thrown') }),
    ]);
    const seen = texts.map((text) => (text.status === 'fulfilled' ? text.value.join('') : text.reason.message));
    expect(seen).toEqual(['in onId', whole, 'in onUsage', 'thrown']);
    const ids = generateIds(engine, prompt, { maxTokens: 9, onId: slowly('in a loop') });
    for (let i = 0; i < 3; i++) ids.next();
    expect(engine.busy).toBe(true);
    while (engine.busy) await setImmediate();
    expect(() => ids.next()).toThrow('in a loop');
  });
  expect(heard).toEqual([]);
});

it('is an unhandled rejection, as any other, when nobody waits for the text any more', async () => {
  using model = small();
  const heard = await uncaught(() => {
    expect([...generateIds(model, prompt, { maxTokens: 2, onUsage: later('late') })]).toHaveLength(2);
  });
  expect(heard).toEqual(['unhandledRejection late']);
});
