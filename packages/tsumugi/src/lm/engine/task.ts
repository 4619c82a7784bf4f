// A request on its way through the engine: what is remembered of it, how far its prompt is read, and how long it took.
import type { LanguageModel } from '../types.ts';
import type { TextState } from './memory.ts';
import type { Found } from './prefix-cache.ts';
import type { Prompt } from './prompt.ts';
import type { EngineRequest, Usage } from './request.ts';
import { Sequence } from './sequence.ts';
import type { Place } from './snapshots.ts';

export class Task {
  readonly sequence: Sequence;
  readonly prompt: Prompt;
  /** Who came first goes first. */
  readonly arrival: number;
  /** While it has a slot. */
  state: TextState | undefined;
  /** Whether its state has the bits that reading the prompt gives: not when it went on from a state that writing left. */
  isExact = true;
  /** Of the ids that its state took in last, how many are its text's; undefined where all are. */
  settled: number | undefined;
  /** Lengths at which its state is kept for others. */
  readonly keepAt = new Set<number>();
  #found: Found | undefined;
  readonly #added = performance.now();
  #begun: number | undefined;
  #read: number | undefined;

  constructor(request: EngineRequest, model: LanguageModel, prompt: Prompt, arrival: number) {
    this.sequence = new Sequence(request, model);
    this.prompt = prompt;
    this.arrival = arrival;
  }

  /** It has a slot, for the first time or again, and goes on from `state`. */
  begin(state: TextState, found: Found): void {
    this.sequence.begin();
    this.#begun ??= performance.now();
    this.#found ??= found;
    this.state = state;
    this.isExact = found.isExact;
  }

  /** Its prompt has been read. */
  noteRead(): void {
    this.#read ??= performance.now();
  }

  /** Lets its state forget what was proposed and did not come. */
  settle(): void {
    if (this.settled !== undefined) this.state!.keep(this.settled);
    this.settled = undefined;
  }

  /** It gives its state away, or loses it. */
  takeState(): TextState | undefined {
    const { state } = this;
    this.state = undefined;
    this.settled = undefined;
    this.keepAt.clear();
    return state;
  }

  /** Tokens of its prompt that are read next: up to the next cut. */
  get piece(): number {
    const from = this.state!.length;
    return this.prompt.cuts.find((cut) => cut > from)! - from;
  }

  /** Under what name its state is kept: whoever finds one by the pieces that were read has the bits of reading them. */
  get place(): Place {
    const { prompt } = this;
    const { length } = this.state!;
    const piece = this.isExact ? prompt.cuts.indexOf(length) : -1;
    const key = prompt.keys[piece];
    return key === undefined ? { tenant: prompt.tenant, ids: this.sequence.ids.slice(0, length) } : { key };
  }

  /** What its state takes in next, of what was written. */
  get next(): number {
    return this.sequence.ids[this.state!.length]!;
  }

  /** Tokens that its state has to take in before the next one is chosen. */
  get target(): number {
    return Math.max(this.prompt.length, this.sequence.ids.length);
  }

  get usage(): Usage {
    const { cached = 0, matched = 0, reason } = this.#found ?? {};
    const now = performance.now();
    const begun = this.#begun ?? now;
    const read = this.#read ?? now;
    const { generated } = this.sequence;
    const prompt = this.prompt.length;
    const timings = {
      queued: begun - this.#added,
      prefill: Math.max(0, read - begun),
      decode: Math.max(0, now - read),
    };
    return { prompt, cached, matched, cachedReason: reason, generated, timings };
  }
}
