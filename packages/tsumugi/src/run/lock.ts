// One writer per run folder: two processes that resume the same run would cut each other's events off. A lock whose process
// is known to have ended is taken over; any other is refused.
//
// Taking is a hard link, which exactly one process can make. Taking over removes the lock first, and must never remove the
// lock of somebody who was faster. So whoever removes the lock with token T holds the lock named after T while it looks once
// more whether the lock is still T's: nobody else removes T's lock then, and its owner, which has ended, does not either.
import { linkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { UserError, writingAt } from '../base/index.ts';
import { formatDuration } from './format.ts';
import { fateOf, type Owner, ownerNow, readOwner } from './lock-owner.ts';

/** Whether `path` could be made; false when there is one. */
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
    // A link appears with its content, and that is on the disk: nobody can see a lock without its owner.
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
      if (other === undefined) continue; // let go of meanwhile
      const fate = fateOf(other, this.#owner);
      if (!other || fate !== 'ended') throw inUse(this.#path, what, other, fate === 'runs');
      using _right = new Lock(`${this.#path}.${other.token}`, what);
      if (readOwner(this.#path)?.token === other.token) rmSync(this.#path);
    }
  }

  [Symbol.dispose](): void {
    // Somebody was told that it could be removed by hand, and may have taken it since.
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
