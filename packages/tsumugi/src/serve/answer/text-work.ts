// Work on texts of clients, in steps: between two of them the HTTP thread hears others. What takes more than one step is done one after the
// other, so that there is room for one long text and not for as many as come.
import { setImmediate } from 'node:timers/promises';
import { inSteps, type Steps } from '../../base/index.ts';

export class TextWork {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws the signal's reason, when it ends before the work */
  async do<T>(steps: Steps<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const first = steps.next();
    if (first.done) return first.value;
    const pause = async () => {
      await setImmediate();
      signal.throwIfAborted();
    };
    const work = this.#last.then(async () => {
      await pause();
      return inSteps(steps, pause);
    });
    this.#last = work.catch(() => {});
    return await work;
  }
}
