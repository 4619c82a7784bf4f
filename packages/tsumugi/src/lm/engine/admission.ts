// Who of those that wait may begin: in the order in which they came, when there is room for the prompt and what is written first. One
// whose prompt begins like one that is being read waits until the state that both need is there.
import { UserError } from '../../base/index.ts';
import type { TextMemory } from './memory.ts';
import { type Found, type PrefixCache, SHORTEST_SHARED, withoutCache } from './prefix-cache.ts';
import type { Schedule } from './schedule.ts';
import type { Task } from './task.ts';

/** Tokens for which there is to be room when a text begins; what it writes beyond them may cost the last comer its slot. */
const AHEAD = 64;
/** So many that wait are looked at for one that may begin. */
const LOOKED_AT = 64;

export interface Next {
  task: Task;
  found: Found;
}

export class Admission {
  readonly #memory: TextMemory;
  readonly #schedule: Schedule;
  readonly #prefixCache: PrefixCache | undefined;
  /** One had to give its slot back, and none has ended since. */
  isTight = false;

  constructor(memory: TextMemory, schedule: Schedule, prefixCache: PrefixCache | undefined) {
    this.#memory = memory;
    this.#schedule = schedule;
    this.#prefixCache = prefixCache;
  }

  /** @throws UserError for a text that the memory could not hold even if it were alone */
  requireFitting(promptTokens: number, maxTokens: number): void {
    const { limit } = this.#memory;
    // What is not limited goes on until the memory ends.
    const tokens = promptTokens + (Number.isFinite(maxTokens) ? maxTokens : 1);
    if (this.#memory.bytesFor(tokens) <= limit) return;
    let [fits, not] = [0, tokens];
    while (not - fits > 1) {
      const middle = Math.floor((fits + not) / 2);
      if (this.#memory.bytesFor(middle) <= limit) fits = middle;
      else not = middle;
    }
    const asked = `${promptTokens} tokens and up to ${Number.isFinite(maxTokens) ? maxTokens : 1} more`;
    throw new UserError('cache-too-small', `a text of ${asked} does not fit the engine's memory, which holds ${fits}`, {
      remedy: 'Shorten the prompt, ask for fewer tokens (maxTokens), or give the engine more memory (cacheBytes).',
      fields: { promptTokens, maxTokens, fits, limit },
    });
  }

  /** The next to begin, and what is known of its prompt. */
  next(): Next | undefined {
    const { waiting, taken } = this.#schedule;
    if (taken === 0) this.isTight = false;
    if (this.isTight) return undefined;
    for (const task of waiting.slice(0, LOOKED_AT)) {
      const found = this.#prefixCache?.find(task.prompt) ?? withoutCache;
      if (this.#schedule.reading.some((reader) => this.#prefixCache && this.#keepFor(task, reader, found.cached)))
        continue;
      return taken === 0 || this.#fits(task, found) ? { task, found } : undefined;
    }
    return undefined;
  }

  /** One came: what it has in common with those that are being read is kept for it. */
  cameTo(task: Task): void {
    if (this.#prefixCache) for (const reader of this.#schedule.reading) this.#keepFor(task, reader, 0);
  }

  /** One is about to be read: what it has in common with those that wait is kept for them. */
  begins(task: Task, found: Found): void {
    if (!this.#prefixCache) return;
    for (const place of this.#prefixCache.placesToKeep(task.prompt, found)) task.keepAt.add(place);
    for (const other of this.#schedule.waiting.slice(0, LOOKED_AT)) this.#keepFor(other, task, 0);
  }

  /** Whether a reader is on its way to a state that another, of whose prompt so much is known, can go on from; that is then kept. */
  #keepFor({ prompt }: Task, reader: Task, known: number): boolean {
    const place = prompt.cuts[prompt.sharedPieces(reader.prompt) - 1] ?? 0;
    const isWhole = place === prompt.length && place === reader.prompt.length;
    const isWorth = place > known && (isWhole || place - known >= SHORTEST_SHARED);
    if (!isWorth || reader.state!.length >= place) return false;
    reader.keepAt.add(place);
    return true;
  }

  #fits(task: Task, { snapshot }: Found): boolean {
    const { active } = this.#schedule;
    const least = this.#memory.bytesFor(1);
    const shared = Math.max(0, (snapshot?.state.bytes ?? 0) - least);
    let needed = Math.max(least, this.#bytesSoon(task) - shared);
    // What it shares with a snapshot stays when that goes.
    let held = shared;
    for (const each of active) {
      const { bytes } = each.state!;
      needed += Math.max(0, this.#bytesSoon(each) - bytes);
      held += bytes;
    }
    const { limit, used } = this.#memory;
    return needed <= limit - used + (this.#prefixCache?.snapshots.reclaimable(held) ?? 0);
  }

  /** What it will take before long. */
  #bytesSoon({ target, sequence }: Task): number {
    return this.#memory.bytesFor(target + Math.min(AHEAD, sequence.left));
  }
}
