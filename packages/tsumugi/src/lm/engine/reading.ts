// Texts that begin, and their prompts, which are read piece by piece.
import type { Logits } from '../sampling.ts';
import type { Next } from './admission.ts';
import type { Endings } from './endings.ts';
import type { Parts } from './parts.ts';
import type { Passes } from './passes.ts';
import type { Found } from './prefix-cache.ts';
import type { Task } from './task.ts';

export class Reading {
  readonly #parts: Parts;
  readonly #endings: Endings;
  readonly #passes: Passes;
  /** Prompt tokens read while running texts wait for their next pass. */
  meanwhile = 0;

  constructor(parts: Parts, endings: Endings, passes: Passes) {
    this.#parts = parts;
    this.#endings = endings;
    this.#passes = passes;
  }

  /** A text takes a slot, and goes on from what is known of its prompt. */
  begin({ task, found }: Next): void {
    const { prefixCache, memory, schedule, admission } = this.#parts;
    const { snapshot, cached } = found;
    const state = snapshot ? prefixCache!.snapshots.take(snapshot) : memory.begin();
    if (task.usage.cachedReason === undefined) this.#count(task, found);
    task.begin(state, found);
    schedule.read(task);
    admission.begins(task, found);
    if (cached === task.prompt.length) this.#hasRead(task, snapshot!.logits!.slice());
  }

  #count(task: Task, { cached, reason }: Found): void {
    const { totals, prefixCache } = this.#parts;
    totals.promptTokens += task.prompt.length;
    totals.cachedTokens += cached;
    if (!prefixCache) return;
    totals.prefixQueries++;
    if (cached > 0) totals.prefixHits++;
    if (reason === 'state-missing' || reason === 'evicted') totals.stateMissing++;
  }

  /** Reads the next piece of a prompt. */
  read(task: Task): void {
    const { memory, schedule, totals } = this.#parts;
    const { prompt } = task;
    const from = task.state!.length;
    const to = from + task.piece;
    const ids = prompt.ids.slice(from, to);
    const isWhole = to === prompt.length;
    const read = this.#passes.make(
      () => (task.state ? [task] : []),
      (state) => memory.bytesToGrow(state, ids.length),
      () => {
        if (isWhole) return { logits: memory.read(ids, task.state!) };
        memory.readOn(ids, task.state!);
        return { logits: undefined };
      },
    );
    if (!read) return;
    if (schedule.running.length > 0) this.meanwhile += ids.length;
    totals.readTokens += ids.length;
    schedule.read(task);
    this.#keepSnapshot(task, to, read.logits);
    if (read.logits) this.#hasRead(task, read.logits);
  }

  /** @param logits of what comes next, where that is the whole prompt */
  #keepSnapshot(task: Task, length: number, logits: Logits | undefined): void {
    const { prefixCache } = this.#parts;
    if (!prefixCache) return;
    const { prompt, state } = task;
    const key = prompt.keys[prompt.cuts.indexOf(length)]!;
    if (task.isExact) prefixCache.noteRead(key);
    if (!task.keepAt.has(length)) return;
    prefixCache.snapshots.keep(task.place, state!, logits);
  }

  /** All of a prompt is read: it takes its first token, unless it goes on after it had to wait. */
  #hasRead(task: Task, logits: Logits): void {
    task.noteRead();
    this.#parts.schedule.run(task);
    if (task.sequence.generated === 0) this.#endings.take(task, logits);
  }
}
