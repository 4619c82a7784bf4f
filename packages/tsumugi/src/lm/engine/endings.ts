// How a text takes a token, how it ends, and who is told. What a callback throws is its own request's affair: the others go on, and so
// does whoever called `step`.
import type { Logits } from '../sampling.ts';
import type { Parts } from './parts.ts';
import type { FinishReason } from './request.ts';
import type { Task } from './task.ts';

export class Endings {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A text takes a token from logits [V], which are changed, and may end with it. */
  take(task: Task, logits: Logits): void {
    const { sequence } = task;
    let reason: FinishReason | undefined;
    const before = sequence.generated;
    try {
      reason = sequence.take(logits);
    } catch (error) {
      this.fail(task, error);
      return;
    } finally {
      this.#parts.totals.generatedTokens += sequence.generated - before;
    }
    if (reason === undefined || !sequence.open) return;
    try {
      this.close(task, true);
      sequence.request.onEnd(reason, task.usage);
    } catch (error) {
      this.#tell(task, error);
    }
  }

  fail(task: Task, error: unknown): void {
    if (!task.sequence.open) return;
    this.close(task, false);
    this.#tell(task, error);
  }

  /** A callback was asynchronous, and its promise rejects, at whatever time. */
  rejected(task: Task, error: unknown): void {
    if (task.sequence.open) this.fail(task, error);
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
  close(task: Task, sound: boolean): void {
    const { sequence, state } = task;
    if (!sequence.open) return;
    sequence.open = false;
    sequence.request.constraint?.[Symbol.dispose]();
    sequence.request.proposer?.[Symbol.dispose]();
    const { schedule, admission, prefixCache } = this.#parts;
    schedule.leave(task);
    if (!state) return;
    admission.isTight = false;
    task.settle();
    if (sound && sequence.request.remember && state.length > 0) prefixCache!.snapshots.put(task.place, state);
    else state[Symbol.dispose]();
    task.takeState();
  }
}
