// The engine's thread as the HTTP thread sees it, with a worker of this test in its place: deaths and starts, waits that end, errors.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HttpError } from '../http/http-error.ts';
import { EngineThread } from './engine-thread.ts';
import { httpErrorOf } from './http-error-of.ts';

const { FakeWorker } = await vi.hoisted(async () => {
  const { EventEmitter } = await import('node:events');
  class FakeWorker extends EventEmitter {
    static readonly all: FakeWorker[] = [];
    readonly told: { type: string; job?: number }[] = [];
    constructor() {
      super();
      FakeWorker.all.push(this);
    }
    postMessage(message: { type: string }): void {
      this.told.push(message);
    }
    async terminate(): Promise<void> {
      this.emit('exit');
    }
  }
  return { FakeWorker };
});
vi.mock('node:worker_threads', () => ({ Worker: FakeWorker }));

const deaths: [cause: string, seconds: number][] = [];
const settings = { models: [], memoryBytes: 1, cacheBytes: 1, slots: 1, queue: 1 };
const events = { onNote: () => {}, onDeath: (cause: string, seconds: number) => void deaths.push([cause, seconds]) };
const worker = () => FakeWorker.all.at(-1)!;
function started(): EngineThread {
  const thread = new EngineThread(settings, events);
  worker().emit('message', { type: 'ready' });
  return thread;
}
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  deaths.length = 0;
});
afterEach(() => vi.useRealTimers());

describe('a thread that dies', () => {
  it('is started again, after twice the time each time, and after a short one when it has run well', () => {
    const thread = started();
    for (let i = 0; i < 9; i++) {
      const before = FakeWorker.all.length;
      worker().emit('error', new Error('out of memory'));
      worker().emit('exit');
      expect(thread.state).toBe('restarting');
      vi.advanceTimersByTime(1000 * deaths.at(-1)![1] - 1);
      expect(FakeWorker.all.length).toBe(before);
      vi.advanceTimersByTime(1);
      expect(FakeWorker.all.length).toBe(before + 1);
      worker().emit('message', { type: 'ready' });
      expect(thread.state).toBe('ready');
    }
    expect(deaths.map(([, seconds]) => seconds)).toEqual([0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]);
    expect(deaths[0]![0]).toContain('out of memory');
    vi.advanceTimersByTime(60_001);
    worker().emit('exit');
    expect(deaths.at(-1)).toEqual(['it ended by itself', 0.25]);
  });

  it('is told of to who waits, and takes nothing until it is started again', () => {
    const thread = started();
    const faults: HttpError[] = [];
    thread.add('m', { prompt: [1] }, { onError: (error) => void faults.push(error) });
    worker().emit('exit');
    expect(faults).toMatchObject([{ status: 503, code: 'engine_restarted', headers: { 'retry-after': '2' } }]);
    const refused = expect.objectContaining({ status: 503, code: 'engine_restarted' });
    expect(() => thread.add('m', { prompt: [1] }, { onError: () => {} })).toThrow(refused);
  });

  it('is not started again where it was to end', async () => {
    const thread = started();
    const faults: HttpError[] = [];
    thread.add('m', { prompt: [1] }, { onError: (error) => void faults.push(error) });
    const ended = thread.end();
    expect(worker().told.at(-1)).toEqual({ type: 'end' });
    const count = FakeWorker.all.length;
    worker().emit('message', { type: 'ready' }); // said before it heard of its end
    worker().emit('exit');
    await ended;
    vi.advanceTimersByTime(60_000);
    expect([thread.state, FakeWorker.all.length, deaths]).toEqual(['ended', count, []]);
    const ending = { status: 503, code: 'shutting_down', headers: { 'retry-after': '5' } };
    expect(faults).toMatchObject([ending]);
    expect(() => thread.add('m', { prompt: [1] }, { onError: () => {} })).toThrow(expect.objectContaining(ending));
  });
});

describe('a request', () => {
  it('hears of its own tokens and end, and of nothing once it is cancelled', () => {
    const thread = started();
    const heard: unknown[] = [];
    const listener = (name: string) => ({
      onToken: (id: number) => heard.push([name, id]),
      onEnd: (reason: string) => heard.push([name, reason]),
      onError: () => heard.push([name, 'error']),
    });
    thread.add('m', { prompt: [1] }, listener('a'));
    const second = thread.add('m', { prompt: [1] }, listener('b'));
    const [a, b] = worker().told.map(({ job }) => job) as [number, number];
    worker().emit('message', {
      type: 'ids',
      tokens: [
        [a, 5],
        [b, 6],
      ],
    });
    second.cancel();
    second.cancel();
    expect(worker().told.filter(({ type }) => type === 'cancel')).toEqual([{ type: 'cancel', job: b }]);
    worker().emit('message', {
      type: 'ids',
      tokens: [
        [b, 7],
        [a, 8],
      ],
    });
    worker().emit('message', { type: 'ended', job: a, reason: 'length', usage: {} });
    worker().emit('message', { type: 'ended', job: b, reason: 'length', usage: {} });
    expect(heard).toEqual([
      ['a', 5],
      ['b', 6],
      ['a', 8],
      ['a', 'length'],
    ]);
  });

  it('for a vector ends with its signal, and the thread hears of it', async () => {
    const thread = started();
    const controller = new AbortController();
    const vector = thread.embed('m', [1], controller.signal);
    controller.abort(new Error('its time is up'));
    await expect(vector).rejects.toThrow('its time is up');
    expect(worker().told.map(({ type }) => type)).toEqual(['embed', 'cancel']);
    await expect(async () => thread.embed('m', [1], controller.signal)).rejects.toThrow('its time is up');
  });
});

it('counters are waited for a second: a pass may be long', async () => {
  const thread = started();
  const counters = { models: {}, liveHandles: 7 };
  const counting = thread.count();
  worker().emit('message', { type: 'counters', counters });
  expect(await counting).toEqual(counters);
  const late = thread.count();
  await vi.advanceTimersByTimeAsync(1000);
  expect(await late).toEqual(counters);
});

it('a mistake in what was asked is told, a fault of ours is not', () => {
  const plain = { code: 'bad-id', message: 'there is no id 9', fields: {} };
  expect(httpErrorOf({ ...plain, user: true })).toMatchObject({ status: 400, message: 'there is no id 9' });
  expect(httpErrorOf({ ...plain, user: false })).toMatchObject({
    ...{ status: 500, message: expect.not.stringContaining('id 9') },
    fields: { message: 'there is no id 9' },
  });
  const full = httpErrorOf({ ...plain, code: 'queue-full', user: true });
  expect(full).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
});
