// The engine's thread as the HTTP thread sees it: requests go in, ids come out. When it dies, those that wait for it are told, and it
// is started again, after a longer while each time.
import { Worker } from 'node:worker_threads';
import { moduleBeside } from '../../base/index.ts';
import type { FinishReason, TokenLogprobs, Usage } from '../../lm/index.ts';
import { HttpError } from '../http/http-error.ts';
import { httpErrorOf } from './http-error-of.ts';
import type { Counters, Note, ThreadRequest, ThreadSettings } from './protocol.ts';
// By way of the thread's file, so that the package has it.
import type { FromThread, ToThread } from './thread.ts';

/** Who hears of a request: `onAccepted`, `onBegun`, tokens, and then one of `onEnd` and `onError`. */
export interface JobListener {
  onAccepted?(): void;
  onBegun?(usage: Usage): void;
  onToken?(id: number, logprobs?: TokenLogprobs): void;
  onEnd?(reason: FinishReason, usage: Usage): void;
  onVector?(vector: Float64Array): void;
  onScored?(tokens: readonly TokenLogprobs[]): void;
  onError(error: HttpError): void;
}

/** A text that is only read. */
type Reading = Omit<Extract<ToThread, { type: 'embed' }>, 'job'> | Omit<Extract<ToThread, { type: 'score' }>, 'job'>;

export interface ThreadEvents {
  /** Something for the log. */
  onNote(note: Note): void;
  /** It has died, and is started again after so many seconds. */
  onDeath(cause: string, seconds: number): void;
}

export type ThreadState = 'starting' | 'ready' | 'restarting' | 'ended';

const FIRST_PAUSE = 0.25;
const LONGEST_PAUSE = 30;
/** Milliseconds that counters are waited for. */
const COUNTING = 1000;
/** Having run for so long, the next death is a first one. */
const STEADY = 60_000;

export class EngineThread {
  readonly #settings: ThreadSettings;
  readonly #events: ThreadEvents;
  readonly #jobs = new Map<number, JobListener>();
  #nextJob = 1;
  #pause = FIRST_PAUSE;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #gone: PromiseWithResolvers<void> = Promise.withResolvers();
  state: ThreadState = 'starting';
  /** As they were when they were last asked for. */
  counters: Counters = { models: {}, liveHandles: 0 };
  readonly #counting: (() => void)[] = [];
  /** The thread as it is now: another one after a death. */
  worker: Worker;

  constructor(settings: ThreadSettings, events: ThreadEvents) {
    this.#settings = settings;
    this.#events = events;
    this.worker = this.#start();
  }

  /** Opens a model. */
  load(model: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const job = this.#open({
      onAccepted: () => {
        this.#close(job);
        resolve();
      },
      onError: reject,
    });
    this.#tell({ type: 'load', job, model });
    return promise;
  }

  /** Has a text written. @throws HttpError 503 while there is no thread */
  add(model: string, request: ThreadRequest, listener: JobListener): { cancel(): void } {
    this.#requireRunning();
    const job = this.#open(listener);
    this.#tell({ type: 'add', job, model, request });
    return { cancel: () => this.#cancel(job) };
  }

  /** A vector for a text. */
  embed(model: string, ids: readonly number[], signal: AbortSignal): Promise<Float64Array> {
    return this.#read<Float64Array>({ type: 'embed', model, ids }, (onVector) => ({ onVector }), signal);
  }

  /** How likely each token of a text but the first is, and so many of the likeliest beside it. */
  score(model: string, ids: readonly number[], top: number, signal: AbortSignal): Promise<readonly TokenLogprobs[]> {
    return this.#read<readonly TokenLogprobs[]>(
      { type: 'score', model, ids, top },
      (onScored) => ({ onScored }),
      signal,
    );
  }

  #read<T>(
    asked: Reading,
    listener: (told: (value: T) => void) => Partial<JobListener>,
    signal: AbortSignal,
  ): Promise<T> {
    this.#requireRunning();
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const job = this.#open({ ...listener(resolve), onError: reject });
    const abort = () => {
      this.#cancel(job);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort);
    this.#tell({ ...asked, job });
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  /** Asks for the counters, and waits for them: not for long, a pass may be. */
  async count(): Promise<Counters> {
    if (this.state === 'ready') {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#counting.push(resolve);
      const timer = setTimeout(resolve, COUNTING);
      this.#tell({ type: 'count' });
      await promise;
      clearTimeout(timer);
    }
    return this.counters;
  }

  /** Resolves when all that was asked is written and the thread is gone. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    const running = this.state === 'ready' || this.state === 'starting';
    this.state = 'ended';
    if (!running) return;
    this.#tell({ type: 'end' });
    await this.#gone.promise;
  }

  /** Ends the thread as it is; whoever waits is told. */
  async kill(): Promise<void> {
    clearTimeout(this.#timer);
    this.state = 'ended';
    await this.worker.terminate();
  }

  #start(): Worker {
    this.#startedAt = performance.now();
    this.#gone = Promise.withResolvers();
    const worker = new Worker(moduleBeside('./thread', import.meta.url), {
      workerData: this.#settings,
      execArgv: [], // Those of a program that was given as a text would be taken for the thread’s file.
    });
    let cause = 'it ended by itself';
    worker.on('message', (message: FromThread) => this.#take(message));
    worker.on('error', (error) => {
      cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', () => this.#died(cause));
    return worker;
  }

  #died(cause: string): void {
    const open = [...this.#jobs.values()];
    this.#jobs.clear();
    const ended = this.state === 'ended';
    for (const { onError } of open) onError(ended ? shuttingDown() : restarted());
    this.#gone.resolve();
    if (ended) return;
    this.state = 'restarting';
    if (performance.now() - this.#startedAt > STEADY) this.#pause = FIRST_PAUSE;
    this.#events.onDeath(cause, this.#pause);
    this.#timer = setTimeout(() => {
      this.worker = this.#start();
    }, 1000 * this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  #take(message: FromThread): void {
    switch (message.type) {
      case 'ready':
        if (this.state !== 'ended') this.state = 'ready';
        break;
      case 'accepted':
        this.#jobs.get(message.job)?.onAccepted?.();
        break;
      case 'begun':
        this.#jobs.get(message.job)?.onBegun?.(message.usage);
        break;
      case 'ids':
        for (const [job, id, logprobs] of message.tokens) this.#jobs.get(job)?.onToken?.(id, logprobs);
        break;
      case 'ended':
        this.#close(message.job)?.onEnd?.(message.reason, message.usage);
        break;
      case 'embedded':
        this.#close(message.job)?.onVector?.(message.vector);
        break;
      case 'scored':
        this.#close(message.job)?.onScored?.(message.tokens);
        break;
      case 'failed':
        this.#close(message.job)?.onError(httpErrorOf(message.error));
        break;
      case 'note':
        this.#events.onNote(message.note);
        break;
      case 'counters':
        this.counters = message.counters;
        for (const told of this.#counting.splice(0)) told();
        break;
      default:
        message satisfies never;
    }
  }

  #open(listener: JobListener): number {
    const job = this.#nextJob++;
    this.#jobs.set(job, listener);
    return job;
  }

  #close(job: number): JobListener | undefined {
    const listener = this.#jobs.get(job);
    this.#jobs.delete(job);
    return listener;
  }

  #cancel(job: number): void {
    if (this.#close(job)) this.#tell({ type: 'cancel', job });
  }

  #tell(message: ToThread): void {
    this.worker.postMessage(message);
  }

  #requireRunning(): void {
    if (this.state === 'ended') throw shuttingDown();
    if (this.state === 'restarting') throw restarted();
  }
}

const restarted = (): HttpError =>
  new HttpError(503, 'engine_restarted', 'the engine ended unexpectedly and is being started again', {
    remedy: 'Send the request again.',
    retryAfter: 2,
  });

export const shuttingDown = (): HttpError =>
  new HttpError(503, 'shutting_down', 'the server is ending', { remedy: 'Send the request again.', retryAfter: 5 });
