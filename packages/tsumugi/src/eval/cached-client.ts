// A client of a backend with a cache: every different request is sent once, answers are checked and kept as they come.
import { createHash } from 'node:crypto';
import { UserError } from '../base/index.ts';
import { canonicalJson } from '../store/index.ts';
import { type AnswerCache, requestKey } from './answer-cache.ts';
import { type AnswerCounts, countAnswers, isWhole } from './answer-counts.ts';
import type { Backend } from './backend.ts';
import type { Answer, AnswerTo, GenerateAnswer, Request } from './request.ts';

/** Thrown inside a task when the evaluation was asked to stop; what was answered by then is in the cache. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

/** How far the requests of a task are. Requests that are equal count once. */
export interface RequestState {
  /** Requests so far, answered or not. */
  requests: number;
  /** Answered from the cache. */
  cached: number;
  /** Answered by the backend. */
  asked: number;
  /** Tokens of what the backend was or will be asked, where it can tell: to read, and to write at most. */
  tokens: { read: number; write: number } | undefined;
  /** Share of that work that is done, in 0 … 1. */
  done: number;
}

/** Writing a token costs about as much as reading this many. Our estimate, for progress alone. */
const WRITING = 4;

interface Missing {
  key: string;
  request: Request;
  /** Of the sample that it is for. */
  id: string | undefined;
}

export class CachedClient {
  readonly state: RequestState = { requests: 0, cached: 0, asked: 0, tokens: undefined, done: 0 };
  readonly #backend: Backend;
  readonly #cache: AnswerCache | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onChange: () => void;
  readonly #hash = createHash('sha256');
  // Without a cache, answers are still remembered for the length of the task.
  readonly #known = new Map<string, Answer>();
  #work = 0;
  #workDone = 0;

  constructor(
    backend: Backend,
    options: { cache?: AnswerCache | undefined; signal?: AbortSignal | undefined; onChange?: () => void } = {},
  ) {
    this.#backend = backend;
    this.#cache = options.cache;
    this.#signal = options.signal;
    this.#onChange = options.onChange ?? (() => {});
  }

  /** SHA-256 over everything asked so far, in order: equal for equal data, prompts and decoding settings. */
  get requestsHash(): string {
    return this.#hash.copy().digest('hex');
  }

  /** What became of the texts that were asked for; undefined where none were. */
  get answers(): AnswerCounts | undefined {
    return countAnswers(this.#known.values());
  }

  /**
   * The answers, in the order of the requests.
   *
   * @param ids of the samples that the requests are for: errors name them
   * @throws Interrupted when the signal is aborted; UserError when the backend refuses, or answers with what is no number
   */
  async ask<R extends Request>(requests: readonly R[], ids: readonly string[] = []): Promise<AnswerTo<R>[]> {
    if (this.#signal?.aborted) throw new Interrupted();
    const keys = requests.map((request) => requestKey(this.#backend, request));
    for (const request of requests) this.#hash.update(`${canonicalJson(request)}\n`);
    const missing = new Map<string, Missing>();
    for (const [i, key] of keys.entries()) {
      if (this.#known.has(key) || missing.has(key)) continue;
      const cached = this.#cache?.get(key);
      this.state.requests++;
      if (cached === undefined || faultOf(requests[i]!, cached) !== undefined)
        missing.set(key, { key, request: requests[i]!, id: ids[i] });
      else {
        this.#known.set(key, cached);
        this.state.cached++;
      }
    }
    if (missing.size > 0) await this.#askMissing([...missing.values()]);
    else this.#onChange();
    return keys.map((key) => this.#known.get(key) as AnswerTo<R>);
  }

  async #askMissing(missing: readonly Missing[]): Promise<void> {
    const requests = missing.map(({ request }) => request);
    const work = this.#weigh(requests);
    this.#onChange();
    let answered = 0;
    const onAnswer = (index: number, answer: Answer): void => {
      const { key, request, id } = missing[index]!;
      const fault = faultOf(request, answer);
      if (fault !== undefined)
        throw new UserError('bad-answer', `${this.#backend.model} answered ${describe(request, id)} with ${fault}`, {
          remedy: 'Check the model’s weights, or the endpoint.',
          fields: { request, answer, sample: id },
        });
      if (this.#known.has(key)) return;
      this.#known.set(key, answer);
      if (isWhole(answer)) this.#cache?.put(key, answer);
      answered++;
      this.state.asked++;
      this.#workDone += work[index]!;
      this.state.done = this.#share();
      this.#onChange();
    };
    try {
      await this.#backend.answer(requests, onAnswer, this.#signal);
    } catch (error) {
      if (this.#signal?.aborted && (error as Error).name === 'AbortError') throw new Interrupted();
      throw error;
    }
    if (answered === missing.length) return;
    if (this.#signal?.aborted) throw new Interrupted();
    throw new UserError('no-answer', `${this.#backend.model} left ${missing.length - answered} requests unanswered`);
  }

  /** Adds up what will be asked, and returns each request's share of the work. */
  #weigh(requests: readonly Request[]): number[] {
    const work = requests.map((request) => {
      if (!this.#backend.weigh) return 1;
      const { read, write } = this.#backend.weigh(request);
      this.state.tokens ??= { read: 0, write: 0 };
      this.state.tokens.read += read;
      this.state.tokens.write += write;
      return read + WRITING * write;
    });
    this.#work += work.reduce((sum, each) => sum + each, 0);
    this.state.done = this.#share();
    return work;
  }

  #share(): number {
    return this.#work === 0 ? 1 : this.#workDone / this.#work;
  }
}

/** Prompts of a task begin alike, so it is their end that is shown where there is no id. */
const describe = (request: Request, id: string | undefined): string => {
  if (id !== undefined) return `sample "${id}" (${request.kind})`;
  const text = request.kind === 'rolling' ? request.text : request.prompt;
  return `a request (${request.kind}: …${JSON.stringify(text).slice(-60)})`;
};

const ends = new Set<unknown>(['end', 'stop', 'length', 'filter', 'refused'] satisfies GenerateAnswer['finish'][]);

/** Numbers as they are: JSON has no NaN. */
const shown = (value: unknown): string => (Array.isArray(value) ? `[${value.slice(0, 8).join(', ')}]` : String(value));

const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);

/** What is wrong with an answer to a request; undefined when it is as it should be. */
function faultOf(request: Request, answer: Answer): string | undefined {
  const fields = answer as unknown as Record<string, unknown>;
  const numbers = (name: string, length: number) =>
    Array.isArray(fields[name]) && fields[name].length === length && fields[name].every(isNumber)
      ? undefined
      : `"${name}" that is not ${length} finite numbers: ${shown(fields[name])}`;
  switch (request.kind) {
    case 'generate':
      if (typeof fields['text'] !== 'string') return 'no text';
      return ends.has(fields['finish']) ? undefined : `the end "${fields['finish']}", which is none`;
    case 'choices':
      return numbers('logprobs', request.choices.length) ?? numbers('tokens', request.choices.length);
    case 'rolling': {
      const bins = request.edges?.length ?? 1;
      return numbers('nats', bins) ?? numbers('tokens', bins) ?? numbers('characters', bins);
    }
  }
}
