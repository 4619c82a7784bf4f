// One writer per run folder: two processes that resume the same run would cut each other's events off. A lock whose process
// is known to have ended is taken over; any other is refused.
//
// Taking is a hard link, which exactly one process can make. Taking over removes the old lock first, and must not remove the
// lock of another process that was faster. So it is done under a second lock, named after the old owner's token: its holder
// reads the first lock once more, and removes it only if it still has that token.
import { linkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { UserError, writingAt } from '../base/index.ts';
import { formatDuration } from './format.ts';
import { fateOf, type Owner, ownerNow, readOwner } from './lock-owner.ts';

/** Makes the hard link `path`; false when there is one. */
function link(existing: string, path: string): boolean {
  try {
    linkSync(existing, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

export class Lock implements Disposable {
  readonly #path: string;
  readonly #owner: Owner;

  /** @throws UserError when another process holds it, or may hold it */
  constructor(path: string, what: string) {
    this.#path = path;
    this.#owner = ownerNow();
    // The owner is on the disk before the link is made: nobody can see a lock without its owner.
    const mine = `${path}.${this.#owner.token}`;
    try {
      writingAt(path, () => {
        writeFileSync(mine, JSON.stringify(this.#owner), { flush: true });
        this.#take(mine, what);
      });
    } finally {
      rmSync(mine, { force: true });
    }
  }

  #take(mine: string, what: string): void {
    while (!link(mine, this.#path)) {
      const other = readOwner(this.#path);
      if (other === undefined) continue; // released meanwhile
      const fate = fateOf(other, this.#owner);
      if (!other || fate !== 'ended') throw inUse(this.#path, what, other, fate === 'runs');
      using _takeover = new Lock(`${this.#path}.${other.token}`, what);
      if (readOwner(this.#path)?.token === other.token) rmSync(this.#path);
    }
  }

  [Symbol.dispose](): void {
    // The lock may have been removed by hand, and taken by another process since.
    if (readOwner(this.#path)?.token === this.#owner.token) rmSync(this.#path, { force: true });
  }
}

function inUse(path: string, what: string, other: Owner | null, runs: boolean): UserError {
  const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const age = since === undefined ? '' : `, for ${formatDuration(Math.max(0, Date.now() - since) / 1000)}`;
  const who = other ? `process ${other.pid} on ${other.host}` : `somebody who cannot be named: ${path} cannot be read`;
  return new UserError('run-in-use', `${what} is being written by ${who}${age}`, {
    remedy: runs
      ? 'Wait for it or end it, or choose another folder.'
      : `Whether it still runs cannot be seen from here. If you know that it has ended, remove ${path} and try again.`,
    fields: { path, pid: other?.pid, host: other?.host, since },
  });
}
