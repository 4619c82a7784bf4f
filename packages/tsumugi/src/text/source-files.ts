// Which files a list of paths means: the files themselves, and those of readable formats inside folders.
import { realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { DataError, type LeftOut, linkTarget, namesIn, nearest, walkFiles } from '../base/index.ts';
import { COMPRESSED } from './read-bytes.ts';

export type TextFormat = 'text' | 'jsonl' | 'parquet';

export interface SourceFile<Format = TextFormat> {
  path: string;
  format: Format;
  /** Size on the disk. */
  bytes: number;
}

/** What is read, by the endings of names, and the option that names it. */
export interface FileKinds<Format> {
  readonly endings: Readonly<Record<string, Format>>;
  readonly option: string;
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

const texts: FileKinds<TextFormat> = { endings: FORMATS, option: '--text' };

const readable = (endings: object): string =>
  `${Object.keys(endings).join(', ')} (all but .parquet also with ${COMPRESSED.join(', ')})`;

export const READABLE = readable(FORMATS);

/** The format a file's name stands for, or undefined. */
function formatOf<Format>(path: string, { endings }: FileKinds<Format>): Format | undefined {
  const name = basename(path).toLowerCase();
  const ending = extname(name);
  const of = (each: string) => (Object.hasOwn(endings, each) ? endings[each] : undefined);
  if (!COMPRESSED.includes(ending)) return of(ending);
  const inner = of(extname(name.slice(0, -ending.length)));
  return inner === 'parquet' ? undefined : inner;
}

function missing(path: string, cause: unknown, option: string): DataError {
  const target = linkTarget(path);
  if (target !== undefined) {
    return new DataError('dangling-link', `${path} is a link to ${target}, which cannot be reached`, {
      remedy: 'Name the file itself, or mend the link.',
      fields: { path },
      cause,
    });
  }
  const parent = dirname(path);
  const near = nearest(basename(path), namesIn(parent));
  return new DataError('missing-path', `there is no file or folder ${path}`, {
    remedy: near ? `did you mean ${join(parent, near)}?` : `check the path given to ${option}`,
    fields: { path },
    cause,
  });
}

function stat(path: string, option: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (path === '-') throw notAFile('standard input (-)', 'a pipe', cause);
    if (code !== 'EACCES') throw missing(path, cause, option);
    throw new DataError('unreadable-file', `${path} cannot be read: permission denied`, {
      remedy: 'Check its permissions and those of the folders above it.',
      fields: { path },
      cause,
    });
  }
}

/** What a list of paths means: files to read, and what was passed over in folders. */
export interface SourceListing<Format = TextFormat> {
  files: SourceFile<Format>[];
  /** What may have been text and is not read, with the reason. */
  leftOut: LeftOut[];
  /** Files of other formats, and hidden ones: how many. */
  otherFormats: number;
  hidden: number;
}

/**
 * The readable files of `paths`, in a fixed order: the paths as given, a folder's files by name. A file reached twice is taken
 * once. In folders, files of other formats are counted, and what cannot be read is named; naming one of another format is a
 * DataError, as is a folder with none to read.
 */
export function listSources(paths: readonly string[]): SourceListing;
export function listSources<Format>(paths: readonly string[], kinds: FileKinds<Format>): SourceListing<Format>;
export function listSources<Format>(
  paths: readonly string[],
  kinds: FileKinds<Format> = texts as FileKinds<unknown> as FileKinds<Format>,
): SourceListing<Format> {
  const kindOf = (path: string) => formatOf(path, kinds);
  /** Other files that say in their name what they are: no text was lost with them. */
  const isOther = (path: string) => kindOf(path) === undefined && extname(path) !== '';
  const listing: SourceListing<Format> = { files: [], leftOut: [], otherFormats: 0, hidden: 0 };
  const seen = new Set<string>();
  const add = (path: string, format: Format, bytes: number) => {
    const real = realpathSync(path);
    if (seen.has(real)) return;
    seen.add(real);
    listing.files.push({ path, format, bytes });
  };
  for (const path of paths) {
    const found = stat(path, kinds.option);
    if (!found.isDirectory()) {
      if (!found.isFile()) throw notAFile(path, 'a pipe or a device');
      const format = kindOf(path);
      if (!format) throw unknownFormat(path, kinds.endings);
      add(path, format, found.size);
      continue;
    }
    const { files, leftOut, hidden } = walkFiles(path);
    const readable = files.filter((file) => kindOf(file.path) && file.bytes > 0);
    for (const file of readable) add(file.path, kindOf(file.path)!, file.bytes);
    const empty = files.filter((file) => kindOf(file.path) && file.bytes === 0);
    listing.leftOut.push(...leftOut.filter((each) => !isOther(each.path)));
    listing.leftOut.push(...empty.map((file) => ({ path: file.path, why: 'it is empty' })));
    listing.otherFormats += files.length - readable.length - empty.length;
    listing.hidden += hidden;
    if (readable.length === 0)
      throw nothingToRead(path, files.length, [...leftOut, ...listing.leftOut][0], kinds.endings);
  }
  if (listing.files.length === 0) {
    throw new DataError('no-text', 'no text was named', { remedy: `Give files or folders to ${kinds.option}.` });
  }
  return listing;
}

/** The files of `listSources`. @param option that named them, for errors */
export const listSourceFiles = (paths: readonly string[], option = texts.option): SourceFile[] =>
  listSources(paths, { ...texts, option }).files;

function nothingToRead(path: string, files: number, left: LeftOut | undefined, endings: object): DataError {
  const other = files > 0 ? 'no file of a readable format' : 'no files';
  const found = left ? `no file that can be read (${left.path}: ${left.why})` : other;
  return new DataError('nothing-to-read', `the folder ${path} holds ${found}`, {
    remedy: `Put text into it as ${readable(endings)}.`,
    fields: { path },
  });
}

/** Text is read more than once, and checked for changes: what gives its bytes only once cannot be read. */
const notAFile = (path: string, what: string, cause?: unknown): DataError =>
  new DataError(
    'not-a-file',
    `${path} is ${what}, which gives its text only once, and text is read again, also when a run goes on`,
    { remedy: 'Write the text into a file first, and name that.', fields: { path }, cause },
  );

function unknownFormat(path: string, endings: object): DataError {
  const archive = /\.(bz2|zip|tar|7z)$|\.tar\.\w+$/i.test(path);
  return new DataError('unknown-format', `${path} is not of a format that can be read`, {
    remedy: archive ? 'unpack it first' : `give text as ${readable(endings)}; rename the file if it is one of these`,
    fields: { path, known: Object.keys(endings) },
  });
}
