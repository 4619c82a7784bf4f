// The one way to find the files of a folder. Names are read as bytes, so that one in another encoding is not lost;
// a folder is entered once, known by its inode, so that links in a circle end; what is left out is named with the reason.
import { existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { absence } from './absence.ts';
import { DataError } from './errors.ts';

export interface WalkedFile {
  /** `folder` as it was given, and the name within it. */
  path: string;
  /** Within the folder, with `/` between its parts. */
  name: string;
  bytes: number;
}

/** Something in the folder that is no file to be read. */
export interface LeftOut {
  path: string;
  /** Why, to stand after the path: `its name is not UTF-8`. */
  why: string;
}

export interface Walk {
  /** Depth first, in code-unit order of the names. */
  files: WalkedFile[];
  leftOut: LeftOut[];
  /** Files and folders whose names begin with a dot, which are not entered. */
  hidden: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The name, or undefined when it is not UTF-8. */
function nameOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A name that is not UTF-8 as a shell would take it: `\x83l.txt`. */
const escaped = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => (b > 0x20 && b < 0x7f ? String.fromCharCode(b) : `\\x${b.toString(16)}`)).join('');

/** What a link or a special file is instead of a file; undefined when it can be entered or read. */
function fault(path: string): Stats | string {
  try {
    const found = statSync(path);
    return found.isFile() || found.isDirectory() ? found : 'it is no file (a device, a socket or a pipe)';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'it is a link to something that is not there';
    if (code === 'ELOOP') return 'it is a link that leads back to itself';
    if (code === 'EACCES' || code === 'EPERM') return 'reading it is not permitted';
    if (code === 'ENAMETOOLONG') return 'its path is too long';
    throw error;
  }
}

/** All files in `folder` and in the folders inside it, links followed. @throws DataError when `folder` cannot be read */
export function walkFiles(folder: string): Walk {
  const walk: Walk = { files: [], leftOut: [], hidden: 0 };
  const entered = new Set<string>();
  const enter = (path: string, within: string, { dev, ino }: Stats): void => {
    if (entered.has(`${dev}:${ino}`)) return;
    entered.add(`${dev}:${ino}`);
    let names: Buffer[];
    try {
      names = readdirSync(path, { encoding: 'buffer' });
    } catch (cause) {
      if (within === '') throw unreadable(path, cause);
      walk.leftOut.push({ path, why: 'the folder cannot be read' });
      return;
    }
    const readable: string[] = [];
    for (const bytes of names) {
      const name = nameOf(bytes);
      if (name === undefined) walk.leftOut.push({ path: join(path, escaped(bytes)), why: 'its name is not UTF-8' });
      else if (name.startsWith('.')) walk.hidden++;
      else readable.push(name);
    }
    for (const name of readable.sort()) {
      const inside = join(path, name);
      const found = fault(inside);
      if (typeof found === 'string') walk.leftOut.push({ path: inside, why: found });
      else if (found.isDirectory()) enter(inside, `${within}${name}/`, found);
      else walk.files.push({ path: inside, name: within + name, bytes: found.size });
    }
  };
  const found = fault(folder);
  if (typeof found === 'string' || !found.isDirectory()) throw unreadable(folder);
  enter(folder, '', found);
  return walk;
}

function unreadable(folder: string, cause?: unknown): DataError {
  const gone = existsSync(folder) ? undefined : absence(folder);
  return new DataError('unreadable-folder', `the folder ${folder} ${gone?.fault ?? 'cannot be read'}`, {
    remedy: gone?.remedy ?? 'Check that it is a folder, and its permissions.',
    fields: { folder },
    cause,
  });
}
