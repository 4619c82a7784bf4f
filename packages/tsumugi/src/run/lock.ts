// One writer per run folder: two processes that resume the same run would cut each other's events off. A lock whose process
// is gone (killed, or a container that was replaced) is taken over.
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isRunning, UserError } from '../base/index.ts';

interface Owner {
  pid: number;
  host: string;
  /** When the process started, in the kernel's ticks; null where this is not known. Process ids are used again. */
  started: string | null;
}

function startOf(pid: number): string | null {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return undefined; // gone meanwhile, or no lock of ours
  }
}

/** Whether the process that wrote a lock still runs. Processes of other hosts cannot be seen and count as gone. */
function holds(owner: Owner | undefined): boolean {
  if (!owner || owner.host !== hostname() || !isRunning(owner.pid)) return false;
  return owner.started === startOf(owner.pid);
}

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

  /** @throws UserError when a running process holds it */
  constructor(path: string, what: string) {
    this.#path = path;
    const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    // A link appears with its content: nobody can see a lock without its owner.
    const mine = `${path}.${process.pid}`;
    writeFileSync(mine, JSON.stringify(owner));
    try {
      while (!link(mine, path)) {
        const other = readOwner(path);
        if (holds(other))
          throw new UserError('run-in-use', `${what} is being written by process ${other!.pid}`, {
            remedy: 'Wait for it or end it, or choose another folder.',
            fields: { path, pid: other!.pid },
          });
        rmSync(path, { force: true });
      }
    } finally {
      rmSync(mine, { force: true });
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { force: true });
  }
}
