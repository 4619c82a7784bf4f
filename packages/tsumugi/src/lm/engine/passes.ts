// Room for a pass of the model: snapshots go for it, then those texts that came last wait until there is more.
import { UserError } from '../../base/index.ts';
import { CacheFull } from '../paged/cache-full.ts';
import type { Endings } from './endings.ts';
import type { TextState } from './memory.ts';
import type { Parts } from './parts.ts';
import type { Task } from './task.ts';

export class Passes {
  readonly #parts: Parts;
  readonly #endings: Endings;

  constructor(parts: Parts, endings: Endings) {
    this.#parts = parts;
    this.#endings = endings;
  }

  /** Bytes that are free while nothing makes room. */
  get free(): number {
    const { memory, prefixCache } = this.#parts;
    return memory.limit - (prefixCache?.snapshots.used ?? memory.used);
  }

  /**
   * Makes a pass for texts when there is room for what it adds to their states. What goes wrong in it is told to them. Undefined when none
   * of the texts is left.
   */
  make<T>(texts: () => readonly Task[], bytes: (state: TextState) => number, pass: () => T): T | undefined {
    const snapshots = this.#parts.prefixCache?.snapshots;
    for (let tasks = texts(); tasks.length > 0; tasks = texts()) {
      // A snapshot that goes may have shared what a text would have to copy, so it is counted anew.
      const needed = tasks.reduce((sum, { state }) => sum + bytes(state!), 0);
      try {
        if (needed <= this.free) return pass();
      } catch (error) {
        // Otherwise their states are of no use any more.
        if (!(error instanceof CacheFull)) for (const task of tasks) this.#endings.fail(task, error);
      }
      if (tasks.some(({ state }) => state) && !snapshots?.evictOldest()) this.#giveWay();
    }
    return undefined;
  }

  /** The one that came last waits until there is room again. */
  #giveWay(): void {
    const { schedule, admission, totals } = this.#parts;
    const task = schedule.latest;
    if (schedule.taken === 1) {
      this.#endings.fail(task, noMoreRoom(task.sequence.ids.length));
      return;
    }
    totals.preemptions++;
    task.takeState()![Symbol.dispose]();
    schedule.wait(task);
    admission.isTight = true;
  }
}

const noMoreRoom = (tokens: number) =>
  new UserError('cache-too-small', `the engine's memory ends with a text of ${tokens} tokens`, {
    remedy: 'Limit the text (maxTokens), or give the engine more memory (cacheBytes).',
    fields: { tokens },
  });
