// The engine that writes texts, many at a time, each as if it were alone. A pass of the model has all running texts take a token, so
// that weights are read once for all (continuous batching), or reads a piece of a prompt (chunked prefill). A text that ends makes
// room for the next.
//
// Every text has its own random stream and state. Prompts are read one at a time, in pieces that follow from the request alone, and a pass
// gives a row the same bits whatever the other rows are: what a text says does not depend on the others.
import { setImmediate } from 'node:timers/promises';
import { ConfigError, UserError } from '../../base/index.ts';
import type { LanguageModel } from '../types.ts';
import { Admission } from './admission.ts';
import { type EngineCounters, Totals } from './counters.ts';
import { Decoding } from './decoding.ts';
import { Endings } from './endings.ts';
import { type EngineOptions, type EngineSettings, engineSettings } from './engine-options.ts';
import type { TextMemory } from './memory.ts';
import { PagedMemory } from './paged-memory.ts';
import { Passes } from './passes.ts';
import { PrefixCache, SHORTEST_SHARED } from './prefix-cache.ts';
import { Prompt } from './prompt.ts';
import { Reading } from './reading.ts';
import { checkRequest, defaultMaxTokens, type EngineRequest, takeRequest, type Usage } from './request.ts';
import { Schedule } from './schedule.ts';
import { readSnapshots, type StoredSnapshots, writeSnapshots } from './snapshot-files.ts';
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
  readonly #prefixCache: PrefixCache | undefined;
  readonly #schedule = new Schedule();
  readonly #admission: Admission;
  readonly #totals = new Totals();
  readonly #endings: Endings;
  readonly #reading: Reading;
  readonly #decoding: Decoding;
  #arrivals = 0;
  #inStep = false;
  #disposed = false;
  #underWay: Promise<void> | undefined;

  /** @param memory in the place of a pool of `cacheBytes`; the engine disposes it */
  constructor(model: LanguageModel, options: EngineOptions = {}, memory?: TextMemory) {
    this.model = model;
    this.#settings = engineSettings(options);
    const { cacheBytes, prefillChunk, prefixCache, snapshotEvery } = this.#settings;
    this.#memory = memory ?? new PagedMemory(model, cacheBytes, prefillChunk);
    this.#prefixCache = prefixCache ? new PrefixCache(this.#memory, snapshotEvery) : undefined;
    this.#admission = new Admission(this.#memory, this.#schedule, this.#prefixCache);
    const parts = {
      memory: this.#memory,
      prefixCache: this.#prefixCache,
      schedule: this.#schedule,
      admission: this.#admission,
      totals: this.#totals,
    };
    this.#endings = new Endings(parts);
    const passes = new Passes(parts, this.#endings);
    this.#reading = new Reading(parts, this.#endings, passes);
    this.#decoding = new Decoding(parts, this.#endings, passes);
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
    return this.#prefixCache && { boundary: SHORTEST_SHARED, grid };
  }

  get counters(): EngineCounters {
    const snapshots = this.#prefixCache?.snapshots;
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
    if (request.remember && !this.#prefixCache)
      throw new ConfigError('no-prefix-cache', 'a text cannot be remembered: the engine has no prefix cache', {
        remedy: 'Make an Engine with a prefix cache, and give it in the place of the model.',
        fields: { option: 'remember' },
      });
    this.#requirePlace();
    this.#admission.requireFitting(request.prompt.length, request.maxTokens ?? defaultMaxTokens);
    const taken = takeRequest(request, (error) => this.#endings.rejected(task, error));
    const { boundaries, cacheSalt } = taken;
    const prompt = new Prompt(taken.prompt, this.#settings.prefillChunk, boundaries, cacheSalt);
    const task = new Task(taken, this.model, prompt, this.#arrivals++);
    this.#schedule.wait(task);
    this.#admission.cameTo(task);
    return {
      get usage() {
        return task.usage;
      },
      cancel: () => this.#endings.close(task, true),
    };
  }

  /**
   * Writes the snapshots of prefixes into a folder, for an engine of the same model to begin with. `modelHash` says which model it is,
   * weights and all.
   *
   * @throws DataError when the folder holds something else, or cannot be written
   */
  saveSnapshots(folder: string, { modelHash }: { modelHash: string }): StoredSnapshots {
    if (this.#disposed) throw disposed();
    return writeSnapshots(folder, modelHash, this.#requirePrefixCache(), this.#memory);
  }

  /** Takes what `saveSnapshots` wrote, while there is room. What is damaged or of another model is left where it is, and said in `ignored`. */
  loadSnapshots(folder: string, { modelHash }: { modelHash: string }): StoredSnapshots {
    if (this.#disposed) throw disposed();
    return readSnapshots(folder, modelHash, this.#requirePrefixCache(), this.#memory);
  }

  #requirePrefixCache(): PrefixCache {
    if (this.#prefixCache) return this.#prefixCache;
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
      if (reader && (others === 0 || this.#reading.meanwhile + reader.piece <= prefillChunk))
        this.#reading.read(reader);
      else if (others > 0) {
        this.#reading.meanwhile = 0;
        this.#decoding.decode();
      }
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
      this.#reading.begin(next);
    }
  }

  /** Frees everything; requests that are still open are told. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const task of this.#schedule.all) this.#endings.fail(task, disposed());
    this.#prefixCache?.[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}

const disposed = () =>
  new UserError('engine-disposed', 'the engine was disposed before the text was written', {
    remedy: 'Dispose it when its texts have ended.',
  });
