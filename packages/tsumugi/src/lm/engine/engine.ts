// The engine that writes texts, many at a time, each as if it were alone. A pass of the model has all running texts take a token, so
// that weights are read once for all (continuous batching), or reads a piece of a prompt (chunked prefill). A text that ends makes
// room for the next.
//
// Every text has its own random stream and state. Prompts are read one at a time, in pieces that follow from the request alone, and a pass
// gives a row the same bits whatever the other rows are: what a text says does not depend on the others.
import { setImmediate } from 'node:timers/promises';
import { ConfigError, UserError } from '../../base/index.ts';
import { CacheFull } from '../paged/cache-full.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import { Admission, type Next } from './admission.ts';
import { Beginnings, type Found, SHORTEST_SHARED } from './beginnings.ts';
import { type EngineCounters, Totals } from './counters.ts';
import { type EngineOptions, type EngineSettings, engineSettings } from './engine-options.ts';
import type { TextMemory, TextState } from './memory.ts';
import { PagedMemory } from './paged-memory.ts';
import { Prompt } from './prompt.ts';
import {
  checkRequest,
  defaultMaxTokens,
  type EngineRequest,
  type FinishReason,
  takeRequest,
  type Usage,
} from './request.ts';
import { Schedule } from './schedule.ts';
import { readSnapshots, type StoredSnapshots, writeSnapshots } from './snapshot-files.ts';
import type { Place } from './snapshots.ts';
import { Task } from './task.ts';

/** A request on its way. */
export interface Job {
  readonly usage: Usage;
  /**
   * Ends it without a word: its slot and its state are free at once (where it is remembered, its state goes to the prefix
   * cache). Nothing happens when it has ended already.
   */
  cancel(): void;
}

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
  readonly #settings: EngineSettings;
  readonly #memory: TextMemory;
  readonly #beginnings: Beginnings | undefined;
  readonly #schedule = new Schedule();
  readonly #admission: Admission;
  readonly #totals = new Totals();
  #arrivals = 0;
  /** Prompt tokens read while running texts wait for their next pass. */
  #readSince = 0;
  #inStep = false;
  #disposed = false;
  #underWay: Promise<void> | undefined;

  /** @param memory in the place of a pool of `cacheBytes`; the engine disposes it */
  constructor(model: LanguageModel, options: EngineOptions = {}, memory?: TextMemory) {
    this.model = model;
    this.#settings = engineSettings(options);
    this.#memory = memory ?? new PagedMemory(model, this.#settings.cacheBytes);
    const { prefixCache, snapshotEvery } = this.#settings;
    this.#beginnings = prefixCache ? new Beginnings(this.#memory, snapshotEvery) : undefined;
    this.#admission = new Admission(this.#memory, this.#schedule, this.#beginnings);
  }

  /** Texts that are read or written at the same time at most. */
  get slots(): number {
    return this.#settings.slots;
  }

  /** Whether there is something left to do. */
  get busy(): boolean {
    return this.#schedule.taken > 0 || this.#schedule.waiting.length > 0;
  }

  /**
   * How many tokens prompts must share at least, so that the second need not read them: up to a message boundary of both, and where
   * they part elsewhere. Undefined without a prefix cache.
   */
  get smallestPrefix(): { boundary: number; grid: number } | undefined {
    const { prefillChunk } = this.#settings;
    const grid = Math.ceil(SHORTEST_SHARED / prefillChunk) * prefillChunk;
    return this.#beginnings && { boundary: SHORTEST_SHARED, grid };
  }

  get counters(): EngineCounters {
    const snapshots = this.#beginnings?.snapshots;
    return {
      ...this.#totals,
      running: this.#schedule.taken,
      waiting: this.#schedule.waiting.length,
      snapshots: snapshots?.count ?? 0,
      evictions: snapshots?.evictions ?? 0,
      bytesUsed: this.#disposed ? 0 : (snapshots?.used ?? this.#memory.used),
      bytesLimit: this.#memory.limit,
    };
  }

  /**
   * @throws ConfigError for an empty prompt or an option out of range; DataError for an id outside the vocabulary; UserError when too many
   *   wait (`queue-full`), or the memory could not hold the text even if it were alone (`cache-too-small`)
   */
  add(request: EngineRequest): Job {
    checkRequest(request, this.model.config);
    if (this.#disposed) throw disposed();
    if (request.remember && !this.#beginnings)
      throw new ConfigError('no-prefix-cache', 'a text cannot be remembered: the engine has no prefix cache', {
        remedy: 'Make an Engine with a prefix cache, and give it in the place of the model.',
        fields: { option: 'remember' },
      });
    this.#requirePlace();
    this.#admission.requireFitting(request.prompt.length, request.maxTokens ?? defaultMaxTokens);
    const taken = takeRequest(request, (error) => this.#rejected(task, error));
    const { boundaries, cacheSalt } = taken;
    const prompt = new Prompt(taken.prompt, this.#settings.prefillChunk, boundaries, cacheSalt);
    const task = new Task(taken, this.model, prompt, this.#arrivals++);
    this.#schedule.wait(task);
    this.#admission.cameTo(task);
    return {
      get usage() {
        return task.usage;
      },
      cancel: () => this.#close(task, true),
    };
  }

  /**
   * Writes what is kept of beginnings into a folder, for an engine of the same model to begin with. `modelHash` says which model it is,
   * weights and all.
   *
   * @throws DataError when the folder holds something else, or cannot be written
   */
  saveSnapshots(folder: string, { modelHash }: { modelHash: string }): StoredSnapshots {
    if (this.#disposed) throw disposed();
    return writeSnapshots(folder, modelHash, this.#requireBeginnings(), this.#memory);
  }

  /** Takes what `saveSnapshots` wrote, while there is room. What is damaged or of another model is left where it is, and said in `ignored`. */
  loadSnapshots(folder: string, { modelHash }: { modelHash: string }): StoredSnapshots {
    if (this.#disposed) throw disposed();
    return readSnapshots(folder, modelHash, this.#requireBeginnings(), this.#memory);
  }

  #requireBeginnings(): Beginnings {
    if (this.#beginnings) return this.#beginnings;
    throw new ConfigError('no-prefix-cache', 'the engine has no prefix cache, so it has no snapshots', {
      remedy: 'Make an Engine with a prefix cache.',
      fields: { option: 'prefixCache' },
    });
  }

  #requirePlace(): void {
    const { slots, queueLimit } = this.#settings;
    const { waiting, taken } = this.#schedule;
    if (waiting.length < queueLimit + slots - taken) return;
    throw new UserError('queue-full', `the engine is busy, and ${waiting.length} requests wait already`, {
      remedy: 'Ask again later.',
      fields: { waiting: waiting.length, queueLimit },
    });
  }

  /**
   * Begins texts that there is room for, and does one pass of the model: reads a piece of a prompt, or has every running text take a
   * token. What goes wrong in it is told to the requests it was for, and what a callback throws to its own request; the others go on,
   * and so does the caller.
   */
  step(): void {
    if (this.#inStep)
      throw new UserError('in-step', 'a callback of the engine called step, which is not over yet', {
        remedy: 'Add requests there, and make steps outside.',
      });
    if (this.#disposed) return;
    this.#inStep = true;
    try {
      this.#admit();
      const [reader] = this.#schedule.reading;
      const others = this.#schedule.running.length;
      const { prefillChunk } = this.#settings;
      if (reader && (others === 0 || this.#readSince + this.#piece(reader) <= prefillChunk)) this.#read(reader);
      else if (others > 0) this.#decode();
    } finally {
      this.#inStep = false;
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

  /** Gives the free slots to those that wait. */
  #admit(): void {
    const { slots } = this.#settings;
    for (let begun = 0; begun < slots && !this.#disposed && this.#schedule.taken < slots; begun++) {
      const next = this.#admission.next();
      if (!next) return;
      this.#begin(next);
    }
  }

  #begin({ task, found }: Next): void {
    const { snapshot, cached } = found;
    const state = snapshot ? this.#beginnings!.snapshots.take(snapshot) : this.#memory.begin();
    if (task.usage.cachedReason === undefined) this.#count(task, found);
    task.begin(state, found);
    this.#schedule.read(task);
    this.#admission.begins(task, found);
    if (cached === task.prompt.length) this.#hasRead(task, snapshot!.logits!.slice());
  }

  #count(task: Task, { cached, reason }: Found): void {
    this.#totals.promptTokens += task.prompt.length;
    this.#totals.cachedTokens += cached;
    if (!this.#beginnings) return;
    this.#totals.prefixQueries++;
    if (cached > 0) this.#totals.prefixHits++;
    if (reason === 'state-missing' || reason === 'evicted') this.#totals.stateMissing++;
  }

  /** Tokens of its prompt that are read next: up to the next cut. */
  #piece({ state, prompt }: Task): number {
    const from = state!.length;
    return prompt.cuts.find((cut) => cut > from)! - from;
  }

  #read(task: Task): void {
    const { prompt } = task;
    const from = task.state!.length;
    const to = from + this.#piece(task);
    const ids = prompt.ids.slice(from, to);
    const isWhole = to === prompt.length;
    const read = this.#pass(
      () => (task.state ? [task] : []),
      (state) => this.#memory.bytesToGrow(state, ids.length),
      () => {
        if (isWhole) return { logits: this.#memory.read(ids, task.state!) };
        this.#memory.readOn(ids, task.state!);
        return { logits: undefined };
      },
    );
    if (!read) return;
    if (this.#schedule.running.length > 0) this.#readSince += ids.length;
    this.#totals.readTokens += ids.length;
    this.#schedule.read(task);
    this.#keepBeginning(task, to, read.logits);
    if (read.logits) this.#hasRead(task, read.logits);
  }

  /** @param logits of what comes next, where that is the whole prompt */
  #keepBeginning(task: Task, length: number, logits: Logits | undefined): void {
    if (!this.#beginnings) return;
    const { prompt, state } = task;
    const key = prompt.keys[prompt.cuts.indexOf(length)]!;
    if (task.isExact) this.#beginnings.noteRead(key);
    if (!task.keepAt.has(length)) return;
    this.#beginnings.snapshots.keep(this.#placeOf(task), state!, logits);
  }

  /** Under what name a state is kept: whoever finds one by the pieces that were read has the bits of reading them. */
  #placeOf({ isExact, prompt, sequence, state }: Task): Place {
    const piece = isExact ? prompt.cuts.indexOf(state!.length) : -1;
    const key = prompt.keys[piece];
    return key === undefined ? { tenant: prompt.tenant, ids: sequence.ids.slice(0, state!.length) } : { key };
  }

  /** All of a prompt is read: it takes its first token, unless it goes on after it had to wait. */
  #hasRead(task: Task, logits: Logits): void {
    task.noteRead();
    this.#schedule.run(task);
    if (task.sequence.generated === 0) this.#take(task, logits);
  }

  /**
   * Every running text takes a token: a new one, and more where those that were proposed are the ones that come; or, after it had to
   * wait, the one that it took here before.
   */
  #decode(): void {
    this.#readSince = 0;
    const going = new Map<TextState, Going>();
    const rows = this.#pass(
      () => {
        going.clear();
        for (const task of [...this.#schedule.running]) this.#goOn(task, going);
        return Array.from(going.values(), ({ task }) => task);
      },
      (state) => going.get(state)!.bytes,
      () => this.#memory.decode(Array.from(going, ([state, { ids }]) => ({ state, ids }))),
    );
    if (rows) for (const [i, each] of [...going.values()].entries()) this.#takeRow(each, rows[i]!);
  }

  /** Guesses are checked where there is room for them, beside the others of the pass. */
  #goOn(task: Task, going: Map<TextState, Going>): void {
    const state = task.state!;
    const wasBehind = state.length < task.sequence.ids.length - 1;
    const alone = { task, wasBehind, ids: [task.next], bytes: this.#memory.bytesToGrow(state, 1) };
    try {
      const ids = wasBehind ? alone.ids : task.sequence.goOn();
      const bytes = ids.length > 1 ? this.#memory.bytesToDecode(state, ids.length) : alone.bytes;
      const others = Array.from(going.values(), (each) => each.bytes).reduce((sum, each) => sum + each, 0);
      const fits = others + bytes <= this.#memory.limit - (this.#beginnings?.snapshots.used ?? this.#memory.used);
      going.set(state, ids.length > 1 && fits ? { task, wasBehind, ids, bytes } : alone);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  /** A text takes the tokens that follow from the logits after each of its ids, as long as those are the tokens that came. */
  #takeRow({ task, wasBehind, ids }: Going, row: readonly Logits[]): void {
    const { sequence } = task;
    if (wasBehind) this.#totals.readTokens++;
    if (wasBehind || !sequence.open) return;
    this.#totals.proposedTokens += ids.length - 1;
    for (const [i, logits] of row.entries()) {
      if (ids.length > 1) task.settled = i + 1;
      const before = sequence.generated;
      this.#take(task, logits);
      const hasCome = sequence.generated > before && i + 1 < ids.length && sequence.ids.at(-1) === ids[i + 1];
      if (hasCome) this.#totals.acceptedTokens++;
      if (!sequence.open) return;
      if (!hasCome) break;
    }
    task.settle();
  }

  /**
   * Makes a pass for texts when there is room for what it adds to their states. Snapshots go for it, then those that came last wait
   * until there is more. Undefined when none of the texts is left.
   */
  #pass<T>(texts: () => readonly Task[], bytes: (state: TextState) => number, pass: () => T): T | undefined {
    const snapshots = this.#beginnings?.snapshots;
    for (let tasks = texts(); tasks.length > 0; tasks = texts()) {
      // A snapshot that goes may have shared what a text would have to copy, so it is counted anew.
      const needed = tasks.reduce((sum, { state }) => sum + bytes(state!), 0);
      try {
        if (needed <= this.#memory.limit - (snapshots?.used ?? this.#memory.used)) return pass();
      } catch (error) {
        // Otherwise their states are of no use any more.
        if (!(error instanceof CacheFull)) for (const task of tasks) this.#fail(task, error);
      }
      if (tasks.some(({ state }) => state) && !snapshots?.evictOldest()) this.#giveWay();
    }
    return undefined;
  }

  /** The one that came last waits until there is room again. */
  #giveWay(): void {
    const task = this.#schedule.latest;
    if (this.#schedule.taken === 1) {
      this.#fail(task, noMoreRoom(task.sequence.ids.length));
      return;
    }
    this.#totals.preemptions++;
    task.takeState()![Symbol.dispose]();
    this.#schedule.wait(task);
    this.#admission.isTight = true;
  }

  #take(task: Task, logits: Logits): void {
    const { sequence } = task;
    let reason: FinishReason | undefined;
    const before = sequence.generated;
    try {
      reason = sequence.take(logits);
    } catch (error) {
      this.#fail(task, error);
      return;
    } finally {
      this.#totals.generatedTokens += sequence.generated - before;
    }
    if (reason === undefined || !sequence.open) return;
    try {
      this.#close(task, true);
      sequence.request.onEnd(reason, task.usage);
    } catch (error) {
      this.#tell(task, error);
    }
  }

  #fail(task: Task, error: unknown): void {
    if (!task.sequence.open) return;
    this.#close(task, false);
    this.#tell(task, error);
  }

  /** A callback was asynchronous, and its promise rejects, at whatever time. */
  #rejected(task: Task, error: unknown): void {
    if (task.sequence.open) this.#fail(task, error);
    else this.#tell(task, error);
  }

  /** What `onError` throws must reach neither the other requests nor whoever called `step`: it may be somebody else. */
  #tell({ sequence }: Task, error: unknown): void {
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

  /** Takes a text out of wherever it is; a sound state is kept where it is to be remembered. */
  #close(task: Task, sound: boolean): void {
    const { sequence, state } = task;
    if (!sequence.open) return;
    sequence.open = false;
    sequence.request.constraint?.[Symbol.dispose]();
    sequence.request.proposer?.[Symbol.dispose]();
    this.#schedule.leave(task);
    if (!state) return;
    this.#admission.isTight = false;
    task.settle();
    if (sound && sequence.request.remember && state.length > 0)
      this.#beginnings!.snapshots.put(this.#placeOf(task), state);
    else state[Symbol.dispose]();
    task.takeState();
  }

  /** Frees everything; requests that are still open are told. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const task of this.#schedule.all) this.#fail(task, disposed());
    this.#beginnings?.[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}

/** What a text takes in a pass, and the bytes for it. */
interface Going {
  readonly task: Task;
  /** Its state has yet to take in what was told before it had to wait. */
  readonly wasBehind: boolean;
  /** Its next token, and what is guessed to follow. */
  readonly ids: readonly number[];
  readonly bytes: number;
}

const disposed = () =>
  new UserError('engine-disposed', 'the engine was disposed before the text was written', {
    remedy: 'Dispose it when its texts have ended.',
  });

const noMoreRoom = (tokens: number) =>
  new UserError('cache-too-small', `the engine's memory ends with a text of ${tokens} tokens`, {
    remedy: 'Limit the text (maxTokens), or give the engine more memory (cacheBytes).',
    fields: { tokens },
  });
