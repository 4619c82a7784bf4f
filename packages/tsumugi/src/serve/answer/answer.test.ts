// From a call to what the engine's thread is asked, and back: told by a thread of this test, which writes what it is told to.
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobListener } from '../engine-thread/engine-thread.ts';
import type { ThreadRequest } from '../engine-thread/protocol.ts';
import { HttpError } from '../http/http-error.ts';
import { defaultLimits } from '../limits.ts';
import { openModel } from '../open-model.ts';
import { chatModel } from '../serve.testing.ts';
import { type AnswerParts, answer } from './answer.ts';
import { cachedHeader } from './cached-header.ts';
import type { Answering, Call } from './call.ts';
import { RememberedAnswers } from './remembered-answers.ts';
import { TextWork } from './text-work.ts';

const chat = chatModel(1);
afterAll(() => chat[Symbol.dispose]());
const model = openModel({ name: 'chat', folder: chat.folder }, { contextTokens: 100 });
const { tokenizer } = model;
const idOf = (text: string) => tokenizer.idOf(text)!;

interface Asked {
  readonly request: ThreadRequest;
  readonly listener: JobListener;
  cancelled: number;
}
const asked: Asked[] = [];
const counted: string[] = [];
const note =
  (what: string) =>
  (_model: string, ...more: unknown[]) =>
    void counted.push([what, ...more.filter((each) => typeof each === 'string')].join(' '));
let refuse: (job: number) => HttpError | undefined = () => undefined;
const parts = {
  models: new Map([['chat', model]]),
  limits: { ...defaultLimits, maxTokens: 50 },
  remembered: new RememberedAnswers(),
  textWork: new TextWork(),
  metrics: { firstToken: note('first'), token: note('next'), ended: note('ended'), answered: note('answered') },
  thread: {
    add(_name: string, request: ThreadRequest, listener: JobListener) {
      const made: Asked = { request, listener, cancelled: 0 };
      asked.push(made);
      const fault = refuse(asked.length);
      queueMicrotask(() => (fault ? listener.onError(fault) : listener.onAccepted?.()));
      return { cancel: () => void made.cancelled++ };
    },
  },
} as unknown as AnswerParts;
beforeEach(() => {
  asked.length = 0;
  counted.length = 0;
  refuse = () => undefined;
});

const messages = [{ role: 'user', content: '猫' } as const];
const call = (more: Partial<Call> = {}): Call => ({
  ...{ model: 'chat', prompt: { messages }, sampling: {}, stop: [], n: 1 },
  ...{ signal: new AbortController().signal, ...more },
});
const timings = { queued: 1, prefill: 2, decode: 3, total: 6 };
const usage = { prompt: 9, cached: 4, matched: 4, cachedReason: 'rest-is-new', generated: 0, timings } as never;
/** Writes a text for the job of this number. */
function write(job: number, text: string): void {
  const { listener } = asked[job]!;
  listener.onBegun?.(usage);
  for (const id of tokenizer.encode(text)) listener.onToken?.(id);
}
async function read(answering: Answering) {
  const pieces = [];
  let next = await answering.next();
  for (; !next.done; next = await answering.next()) pieces.push(next.value);
  return { pieces, text: pieces.map((piece) => (piece.type === 'text' ? piece.text : '')).join(''), usage: next.value };
}

it('a long prompt is encoded in many turns of the event loop', async () => {
  let turns = 0;
  let timer = setImmediate(function next() {
    turns++;
    timer = setImmediate(next);
  });
  const text = '猫は海へ'.repeat(100_000);
  const [plain, chats] = [{ text }, { messages: [{ role: 'user', content: text } as const] }];
  for (const prompt of [plain, chats]) {
    const before = turns;
    await expect(answer(parts, call({ prompt }))).rejects.toThrow(/the prompt has 40\d+ tokens/);
    expect(turns - before).toBeGreaterThan(50);
  }
  clearImmediate(timer);
  expect(asked).toEqual([]);
});

describe('the engine is asked', () => {
  it('for all that a call says', async () => {
    const sampling = {
      ...{ temperature: 0.5, topP: 0.9, topK: 3, minP: 0.1, repetitionPenalty: 1.2 },
      ...{ presencePenalty: 0.3, frequencyPenalty: 0.4, logitBias: { 7: 5 } },
    };
    await answer(
      parts,
      call({
        sampling: { ...sampling, seed: 5 },
        minTokens: 2,
        maxTokens: 20,
        stopIds: [8],
        cacheSalt: 's',
        logprobs: 1,
      }),
    );
    expect(asked[0]!.request).toMatchObject({
      ...{ ...sampling, seed: 5, minTokens: 2, cacheSalt: 's', logprobs: 1 },
      stopIds: [...model.endIds, 8],
      // Ids that no piece has are never drawn.
      vocabularyLimit: tokenizer.vocabSize,
      maxTokens: 20,
    });
  });

  it('by the settings of the model, and of OpenAI, where the call says nothing', async () => {
    const own = { ...parts, models: new Map([['chat', { ...model, sampling: { temperature: 0.3 } }]]) };
    await answer(own, call());
    await answer(own, call({ sampling: { temperature: 0.7 } }));
    expect(asked.map(({ request }) => [request.temperature, request.topP])).toEqual([
      [0.3, 1],
      [0.7, 1],
    ]);
  });

  it('to end nowhere of itself where that is asked', async () => {
    await answer(parts, call({ ignoreEos: true, stopIds: [8] }));
    expect(asked[0]!.request.stopIds).toEqual([8]);
  });

  it('for each answer by a seed of its own', async () => {
    await answer(parts, call({ n: 3, sampling: { seed: 5 } }));
    await answer(parts, call({ n: 3, sampling: { seed: 5 } }));
    const seeds = asked.map(({ request }) => request.seed);
    expect(seeds.slice(0, 3)).toEqual(seeds.slice(3));
    expect(new Set(seeds).size).toBe(3);
  });
});

describe('a prompt and its answer', () => {
  const prompt = (length: number) => ({ ids: Array.from({ length }, () => idOf('猫')) });

  it.each([
    [40, undefined, 50],
    [60, undefined, 40],
    [99, undefined, 1],
    [40, 50, 50],
    [60, 40, 40],
    [60, 0, 0],
  ])('fit: %i tokens and %s asked for', async (length, maxTokens, allowed) => {
    await answer(parts, call({ prompt: prompt(length), ...(maxTokens !== undefined && { maxTokens }) }));
    expect(asked[0]!.request.maxTokens).toBe(allowed);
  });

  it.each([
    [0, 5, 'empty_prompt'],
    [100, undefined, 'context_length_exceeded'],
    [60, 41, 'context_length_exceeded'],
    [10, 51, 'max_tokens_exceeded'],
  ])('do not fit: %i tokens and %s asked for', async (length, maxTokens, code) => {
    const answering = answer(parts, call({ prompt: prompt(length), ...(maxTokens !== undefined && { maxTokens }) }));
    await expect(answering).rejects.toMatchObject({ status: 400, code });
  });
});

describe('an answer', () => {
  it('ends at a stop string, and its text is asked for no longer', async () => {
    const answering = await answer(parts, call({ stop: ['犬'] }));
    write(0, '猫犬山');
    const { text, pieces, usage: took } = await read(answering);
    expect([text, pieces.at(-1)]).toEqual(['猫', expect.objectContaining({ reason: 'stop', stopString: '犬' })]);
    expect(asked[0]!.cancelled).toBeGreaterThan(0);
    // What came on its way after the stop string counts for nothing.
    expect(took).toMatchObject({ cached: 4, cachedReason: 'rest-is-new', generated: 2 });
  });

  it('to messages ends where the template ends one, which no client asked for', async () => {
    const template = { ...model.template!, stop: ['山'] };
    const own = { ...parts, models: new Map([['chat', { ...model, template }]]) };
    const answering = await answer(own, call());
    write(0, '猫山');
    const { text, pieces } = await read(answering);
    expect([text, 'stopString' in pieces.at(-1)!]).toEqual(['猫', false]);
    for (const more of [{ prompt: { text: '猫' } }, { ignoreEos: true }]) {
      const other = await answer(own, call(more));
      write(asked.length - 1, '猫山');
      asked.at(-1)!.listener.onEnd?.('length', usage);
      expect((await read(other)).text).toBe('猫山');
    }
  });

  it('is counted: its first token, those after it, its end, and once as a whole', async () => {
    const answering = await answer(parts, call({ n: 2 }));
    for (const [job, reason] of [
      [0, 'end'],
      [1, 'length'],
    ] as const) {
      write(job, '猫犬');
      asked[job]!.listener.onEnd?.(reason, usage);
    }
    await read(answering);
    expect(counted).toEqual(['first', 'next', 'first', 'next', 'ended stop', 'ended length', 'answered']);
  });

  it('is remembered by the ids that said it, of its own model', async () => {
    const answering = await answer(parts, call());
    write(0, '猫犬');
    asked[0]!.listener.onEnd?.('end', usage);
    await read(answering);
    const { prompt } = asked[0]!.request;
    expect(parts.remembered.get('chat', prompt, '猫犬')).toEqual([idOf('猫'), idOf('犬')]);
    expect(parts.remembered.get('other', prompt, '猫犬')).toBeUndefined();
    expect(parts.remembered.get('chat', prompt.slice(1), '猫犬')).toBeUndefined();
  });

  it('is given up when nobody reads it any more', async () => {
    const answering = await answer(parts, call({ n: 2 }));
    write(0, '猫');
    await answering.next();
    await answering.return(undefined as never);
    expect(asked.map(({ cancelled }) => cancelled > 0)).toEqual([true, true]);
  });

  it('is given up when its request is over, and whoever reads it is told', async () => {
    const controller = new AbortController();
    const answering = await answer(parts, call({ signal: controller.signal }));
    const reading = read(answering);
    controller.abort(new Error('its time is up'));
    await expect(reading).rejects.toThrow('its time is up');
    expect(asked[0]!.cancelled).toBeGreaterThan(0);
  });

  it('takes the others with it where one of several cannot be begun, or goes wrong', async () => {
    refuse = (job) => (job === 2 ? new HttpError(429, 'queue_full', 'too many wait') : undefined);
    await expect(answer(parts, call({ n: 3 }))).rejects.toMatchObject({ code: 'queue_full' });
    expect(asked.every(({ cancelled }) => cancelled > 0)).toBe(true);
    const answering = await answer(parts, call({ n: 2 }));
    asked[3]!.listener.onError(new HttpError(503, 'engine_restarted', 'the engine ended'));
    await expect(read(answering)).rejects.toMatchObject({ code: 'engine_restarted' });
    expect(asked[4]!.cancelled).toBeGreaterThan(0);
  });
});

describe('the header of what came from the cache', () => {
  const answering = (begun: Answering['begun']) => ({ promptTokens: 10, begun }) as Answering;

  it('adds up several prompts', async () => {
    const known = (cached: number, cachedReason?: string) => answering(Promise.resolve({ cached, cachedReason }));
    expect(await cachedHeader([known(4), known(3, 'rest-is-new')])).toEqual({
      'x-tsumugi-cached': '7/20 rest-is-new',
    });
  });

  it('is not waited for while a long prompt is read', async () => {
    vi.useFakeTimers();
    try {
      const header = cachedHeader([answering(new Promise(() => {}))]);
      await vi.advanceTimersByTimeAsync(5000);
      expect(await header).toEqual({});
    } finally {
      vi.useRealTimers();
    }
  });
});
