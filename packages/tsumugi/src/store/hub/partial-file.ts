// A file on its way lies beside its place under a name of its writer, and stays when it is cut off: whoever comes next takes it
// over by renaming it, which one process alone can do. A file of a writer that is at work is waited for.
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isRunning, makeFolder, writingAt } from '../../base/index.ts';

/** After so long without a change, a file of a writer of whom nothing is known is free. */
const ABANDONED_MILLISECONDS = 10 * 60_000;

let made = 0;
const open = new Set<string>();

/** `<hash>.<host>-<process>-<number>.incomplete`, the ending that Hugging Face's tools clean up as well. */
const ownName = (hash: string): string => `${hash}.${hostname()}-${process.pid}-${made++}.incomplete`;

/** What is known of the writer of a file: whether it is at work. Undefined for a file of another tool. */
function isAtWork(path: string, name: string, hash: string): boolean | undefined {
  const found = /^\.(.+)-(\d+)-\d+\.incomplete$/.exec(name.slice(hash.length));
  if (!found) return undefined;
  if (open.has(path)) return true;
  const [, host, pid] = found;
  if (host === hostname() && (Number(pid) === process.pid || !isRunning(Number(pid)))) return false;
  const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // Another machine's clock may be ahead.
  return Math.abs(Date.now() - changed) < ABANDONED_MILLISECONDS;
}

export class PartialFile implements Disposable {
  readonly path: string;
  readonly #place: string;
  readonly descriptor: number;
  /** How much of it is there. */
  bytes: number;

  private constructor(path: string, place: string) {
    this.path = path;
    this.#place = place;
    this.descriptor = openSync(path, 'a+');
    this.bytes = statSync(path).size;
  }

  /** The file for what has the hash `hash`, begun or taken over; undefined while another writer is at work on it. */
  static claim(folder: string, hash: string): PartialFile | undefined {
    makeFolder(folder);
    return writingAt(folder, () => {
      for (;;) {
        const others = readdirSync(folder)
          .filter((name) => name.startsWith(`${hash}.`))
          .map((name) => ({ path: join(folder, name), atWork: isAtWork(join(folder, name), name, hash) }));
        if (others.some(({ atWork }) => atWork)) return undefined;
        const sizes = others
          .filter(({ atWork }) => atWork === false)
          .map(({ path }) => ({ path, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? -1 }))
          .sort((a, b) => b.bytes - a.bytes);
        const path = join(folder, ownName(hash));
        open.add(path);
        const [largest, ...rest] = sizes;
        if (largest !== undefined && !moved(largest.path, path)) {
          open.delete(path);
          continue; // somebody was faster
        }
        for (const other of rest) rmSync(other.path, { force: true });
        return new PartialFile(path, join(folder, hash));
      }
    });
  }

  /** How much of what has the hash `hash` is there already, in the file that would be taken over. */
  static held(folder: string, hash: string): number {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return 0;
    const sizes = readdirSync(folder)
      .filter((name) => name.startsWith(`${hash}.`) && isAtWork(join(folder, name), name, hash) !== undefined)
      .map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
    return Math.max(0, ...sizes);
  }

  write(piece: Uint8Array): void {
    writingAt(this.#place, () => {
      for (let done = 0; done < piece.length; ) done += writeSync(this.descriptor, piece, done);
    });
    this.bytes += piece.length;
  }

  /** Begins it anew. */
  restart(): void {
    ftruncateSync(this.descriptor);
    this.bytes = 0;
  }

  /** Puts the file in its place. False when it is not as long as what was written to it: another process wrote as well. */
  commit(): boolean {
    return writingAt(this.#place, () => {
      fsyncSync(this.descriptor);
      if (fstatSync(this.descriptor).size !== this.bytes) return false;
      renameSync(this.path, this.#place);
      return true;
    });
  }

  /** Lets go of the file; what there is of it stays. */
  [Symbol.dispose](): void {
    closeSync(this.descriptor);
    open.delete(this.path);
  }
}

function moved(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
