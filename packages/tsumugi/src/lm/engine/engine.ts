// The engine that writes texts, many at a time, each as if it were alone. A pass of the model has all running sequences take a token, so
// that weights are read once for all (continuous batching), or reads a piece of a long prompt (chunked prefill). A sequence that ends
// makes room for the next.
//
// Every sequence has its own random stream and state, so what it says does not depend on the others, up to rounding: sums over another
// number of rows differ by about 1e-6, which can turn a token only where two are as good as equally likely.
import { setImmediate } from 'node:timers/promises';
import { ConfigError, checkCount, checkOptions, UserError } from '../../base/index.ts';
import type { Cache } from '../cache.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import { Beginnings } from './beginnings.ts';
import { PromptAgain } from './prompt-again.ts';
import { PromptReader } from './prompt-reader.ts';
import { checkRequest, type EngineRequest, type FinishReason, takeRequest, type Usage } from './request.ts';
import { Running } from './running.ts';
import { Sequence } from './sequence.ts';

export interface EngineOptions {
  /** Sequences that are read or written at the same time at most. Default 16. */
  slots?: number | undefined;
  /** Prompt tokens of a pass, and between two passes in which running sequences take a token. Default 1024. */
  prefillChunk?: number | undefined;
  /** Memory for the states of beginnings that several prompts share, or that are remembered. Default 256 MiB; 0 for none. */
  prefixBytes?: number | undefined;
}

/** A request on its way. */
export interface Job {
  readonly usage: Usage;
  /**
   * Ends it without a word: its slot and its state are free at once (where it is remembered, its state goes to the prefix
   * cache). Nothing happens when it has ended already.
   */
  cancel(): void;
}

const engineOptions = { slots: true, prefillChunk: true, prefixBytes: true } as const;

/**
 * Writes the texts that are asked of it, together. Call `step` until nothing is `busy`, or `await run()`:
 *
 *     using engine = new Engine(model);
 *     for (const prompt of prompts)
 *       engine.add({ prompt, onId: (id) => { ids.push(id); return false; }, onEnd: () => {}, onError: console.error });
 *     await engine.run();
 *
 * `generateIds`, `generateText` and `streamText` take an engine in the place of a model.
 */
export class Engine implements Disposable {
  readonly model: LanguageModel;
  /** Sequences that are read or written at the same time at most. */
  readonly slots: number;
  readonly #prefillChunk: number;
  readonly #beginnings: Beginnings;
  readonly #waiting: Sequence[] = [];
  readonly #reader: PromptReader;
  readonly #again: PromptAgain;
  readonly #running: Running;
  /** While a pass is under way, what was cancelled stays until it is over. */
  #inStep = false;
  readonly #cancelled: Sequence[] = [];
  #disposed = false;
  #underWay: Promise<void> | undefined;

  constructor(model: LanguageModel, options: EngineOptions = {}) {
    checkOptions('Engine', options, engineOptions);
    checkCount('prefillChunk', options.prefillChunk, 1);
    checkCount('slots', options.slots, 1);
    checkCount('prefixBytes', options.prefixBytes, 0);
    const { slots = 16, prefillChunk = 1024, prefixBytes = 256 << 20 } = options;
    this.model = model;
    this.slots = slots;
    this.#prefillChunk = prefillChunk;
    this.#beginnings = new Beginnings(model, prefixBytes);
    this.#reader = new PromptReader(model, this.#beginnings, prefillChunk);
    this.#again = new PromptAgain(prefixBytes);
    this.#running = new Running(model, slots);
  }

  /** @throws ConfigError for an empty prompt or an option out of range; DataError for an id outside the vocabulary */
  add(request: EngineRequest): Job {
    checkRequest(request, this.model.config);
    if (this.#disposed) throw disposed();
    if (request.remember && !this.#beginnings.keepsStates)
      throw new ConfigError('no-prefix-cache', 'a text cannot be remembered: the engine has no prefix cache', {
        remedy: 'Make an Engine with prefixBytes, and give it in the place of the model.',
        fields: { option: 'remember' },
      });
    const taken = takeRequest(request, (error) => this.#rejected(sequence, error));
    const sequence = new Sequence(taken, this.model);
    this.#beginnings.add(sequence.prompt);
    this.#waiting.push(sequence);
    return {
      get usage() {
        return sequence.usage;
      },
      cancel: () => this.#cancel(sequence),
    };
  }

  /** Whether there is something left to do. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#reader.current !== undefined || this.#running.all.length > 0;
  }

  /** Bytes that the prefix cache takes now. */
  get prefixBytes(): number {
    return this.#beginnings.bytes;
  }

  /**
   * Does one pass of the model: reads a piece of a prompt (none where the prompt before it was the same), or has every running
   * sequence take a token. What goes wrong in it is told to the requests it was for, and what a callback throws to its own request; the others go on, and so does the caller.
   */
  step(): void {
    if (this.#inStep)
      throw new UserError('in-step', 'a callback of the engine called step, which is not over yet', {
        remedy: 'Add requests there, and make steps outside.',
      });
    if (this.#disposed) return;
    this.#inStep = true;
    try {
      const others = this.#running.all.length;
      const free = this.#reader.current !== undefined || (this.#waiting.length > 0 && others < this.slots);
      if (free && (others === 0 || this.#reader.count < this.#prefillChunk)) this.#read();
      else if (others > 0) this.#advance();
    } finally {
      this.#inStep = false;
      for (const sequence of this.#cancelled.splice(0)) this.#leave(sequence, true);
      if (this.#disposed) this.#free();
    }
  }

  /**
   * Works until nothing is left to do, and lets timers and input have their turn between two passes. Several callers wait for
   * the same work; what is added meanwhile belongs to it.
   */
  run(): Promise<void> {
    this.#underWay ??= this.#work();
    return this.#underWay;
  }

  async #work(): Promise<void> {
    try {
      do {
        await setImmediate();
        this.step();
      } while (this.busy);
    } finally {
      this.#underWay = undefined;
    }
  }

  /** Reads a piece of a prompt; after the last one the first token is taken. */
  #read(): void {
    const sequence = this.#reader.current ?? this.#waiting.shift()!;
    let logits: Logits | undefined;
    try {
      if (!this.#reader.current) logits = this.#again.begin(sequence);
      if (!logits && !this.#reader.current) this.#reader.begin(sequence);
      logits ??= this.#reader.read();
      if (!logits) return;
      this.#again.keepOnlyFor(this.#waiting[0]);
      this.#again.keepFor(this.#waiting[0], sequence, logits);
    } catch (error) {
      this.#fail(sequence, error);
      return;
    }
    this.#take(sequence, logits);
    this.#reader.current = undefined;
    if (!sequence.open) return;
    try {
      this.#running.join(sequence);
    } catch (error) {
      this.#failRunning(error);
    }
  }

  /** Every running sequence takes a token. */
  #advance(): void {
    this.#reader.count = 0;
    let rows: Logits[];
    try {
      rows = this.#running.pass();
    } catch (error) {
      this.#failRunning(error);
      return;
    }
    // From the last to the first: the one that takes a freed place has already had its turn.
    for (let i = rows.length - 1; i >= 0; i--) {
      const sequence = this.#running.all[i]!;
      if (sequence.open) this.#take(sequence, rows[i]!);
    }
  }

  #take(sequence: Sequence, logits: Logits): void {
    let reason: FinishReason | undefined;
    try {
      reason = sequence.take(logits);
    } catch (error) {
      this.#fail(sequence, error);
      return;
    }
    if (reason === undefined || !sequence.open) return;
    try {
      this.#close(sequence, true);
      sequence.request.onEnd(reason, sequence.usage);
    } catch (error) {
      this.#tell(sequence, error);
    }
  }

  #cancel(sequence: Sequence): void {
    if (!sequence.open) return;
    if (this.#inStep) {
      sequence.open = false;
      this.#cancelled.push(sequence);
    } else this.#close(sequence, true);
  }

  #fail(sequence: Sequence, error: unknown): void {
    if (!sequence.open) return;
    this.#close(sequence, false);
    this.#tell(sequence, error);
  }

  /** A callback was asynchronous, and its promise rejects, at whatever time. */
  #rejected(sequence: Sequence, error: unknown): void {
    if (sequence.open) this.#fail(sequence, error);
    else this.#tell(sequence, error);
  }

  /** What `onError` throws must reach neither the other requests nor whoever called `step`: it may be somebody else. */
  #tell(sequence: Sequence, error: unknown): void {
    if (sequence.failed) return;
    sequence.failed = true;
    try {
      sequence.request.onError(error);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }

  /** A pass of all failed, and their states are of no use any more. */
  #failRunning(error: unknown): void {
    const failed = [...this.#running.all];
    this.#running[Symbol.dispose]();
    for (const sequence of failed) this.#fail(sequence, error);
  }

  #close(sequence: Sequence, sound: boolean): void {
    sequence.open = false;
    this.#leave(sequence, sound);
  }

  /** Takes a sequence out of wherever it is; a sound state is kept where it is to be remembered. */
  #leave(sequence: Sequence, sound: boolean): void {
    this.#beginnings.remove(sequence.prompt);
    sequence.request.constraint?.[Symbol.dispose]();
    const remember = sound && sequence.request.remember === true;
    let state: Cache | undefined;
    if (this.#running.all.includes(sequence)) state = this.#running.remove(sequence, remember);
    else {
      const place = this.#waiting.indexOf(sequence);
      if (place >= 0) this.#waiting.splice(place, 1);
      this.#again.keepOnlyFor(this.#waiting[0]);
      if (this.#reader.current === sequence) this.#reader.current = undefined;
      state = sequence.cache;
      sequence.cache = undefined;
    }
    if (state && remember && state.length > 0) this.#beginnings.keep(sequence.ids.slice(0, state.length), state);
    else state?.dispose();
  }

  /** Frees everything; requests that are still open are told. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#inStep) this.#free();
  }

  #free(): void {
    const open = [...this.#running.all, ...(this.#reader.current ? [this.#reader.current] : []), ...this.#waiting];
    for (const sequence of open) this.#fail(sequence, disposed());
    this.#running[Symbol.dispose]();
    this.#again[Symbol.dispose]();
    this.#beginnings[Symbol.dispose]();
  }
}

const disposed = () =>
  new UserError('engine-disposed', 'the engine was disposed before the text was written', {
    remedy: 'Dispose it when its texts have ended.',
  });
