// Which files a list of paths means: the files themselves, and those of readable formats inside folders.
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { DataError, nearest } from '../base/index.ts';
import { COMPRESSED } from './read-bytes.ts';

export type TextFormat = 'text' | 'jsonl' | 'parquet';

export interface SourceFile {
  path: string;
  format: TextFormat;
  /** Size on the disk. */
  bytes: number;
}

const FORMATS: Record<string, TextFormat> = {
  '.txt': 'text',
  '.text': 'text',
  '.md': 'text',
  '.markdown': 'text',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet',
};

const READABLE = `${Object.keys(FORMATS).join(', ')} (all but .parquet also with ${COMPRESSED.join(', ')})`;

/** The format a file's name stands for, or undefined. */
function formatOf(path: string): TextFormat | undefined {
  const name = basename(path).toLowerCase();
  const ending = extname(name);
  if (!COMPRESSED.includes(ending)) return FORMATS[ending];
  const inner = FORMATS[extname(name.slice(0, -ending.length))];
  return inner === 'parquet' ? undefined : inner;
}

function stat(path: string): Stats {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found) return found;
  const parent = dirname(path);
  const siblings = statSync(parent, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(parent) : [];
  const near = nearest(basename(path), siblings);
  throw new DataError('missing-path', `there is no file or folder ${path}`, {
    remedy: near ? `did you mean ${join(parent, near)}?` : 'check the path given to --text',
    fields: { path },
  });
}

/** Entries of a folder and of those inside it, in code-unit order of their names; hidden ones and cycles are left out. */
function* walk(folder: string, ancestors: readonly string[]): Generator<string> {
  const real = realpathSync(folder);
  if (ancestors.includes(real)) return;
  for (const name of readdirSync(folder).sort()) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) yield* walk(path, [...ancestors, real]);
    else if (found?.isFile()) yield path;
  }
}

/**
 * The readable files of `paths`, in a fixed order: the paths as given, a folder's files by name. A file reached twice is taken
 * once. Files of other formats inside folders are passed over; naming one is a DataError, as is a folder with none to read.
 */
export function listSourceFiles(paths: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  const seen = new Set<string>();
  const add = (path: string, format: TextFormat) => {
    const real = realpathSync(path);
    if (seen.has(real)) return;
    seen.add(real);
    files.push({ path, format, bytes: statSync(path).size });
  };
  for (const path of paths) {
    if (!stat(path).isDirectory()) {
      const format = formatOf(path);
      if (format) add(path, format);
      else throw unknownFormat(path);
      continue;
    }
    let [any, readable] = [false, false];
    for (const inside of walk(path, [])) {
      any = true;
      const format = formatOf(inside);
      if (!format) continue;
      readable = true;
      add(inside, format);
    }
    if (!readable) {
      throw new DataError(
        'nothing-to-read',
        `the folder ${path} holds ${any ? 'no file of a readable format' : 'no files'}`,
        {
          remedy: `put text into it as ${READABLE}`,
          fields: { path },
        },
      );
    }
  }
  if (files.length === 0) {
    throw new DataError('no-text', 'no text was named', { remedy: 'give files or folders to --text' });
  }
  return files;
}

function unknownFormat(path: string): DataError {
  const archive = /\.(bz2|zip|tar|7z)$|\.tar\.\w+$/i.test(path);
  return new DataError('unknown-format', `${path} is not of a format that can be read`, {
    remedy: archive ? 'unpack it first' : `give text as ${READABLE}; rename the file if it is one of these`,
    fields: { path, known: Object.keys(FORMATS) },
  });
}
