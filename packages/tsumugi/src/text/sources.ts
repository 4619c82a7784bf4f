// A corpus: documents read from files and folders, in a fixed order, any number of times, without holding them in memory.
import { ConfigError, checkOptions, contentHash, type OptionNames } from '../base/index.ts';
import { decode, parseEncoding } from './encoding/decode.ts';
import { detectEncoding } from './encoding/detect.ts';
import { survey } from './encoding/survey.ts';
import { type Part, partOf, type WantedPart } from './parts/part-of.ts';
import { COMPRESSED, fileSource } from './read-bytes.ts';
import { readJsonLines } from './read-jsonl.ts';
import { readParquet } from './read-parquet.ts';
import { listSources, type SourceFile, type SourceListing } from './source-files.ts';
import { DOCUMENT_CHARACTERS, splitText } from './split.ts';

export interface TextDocument {
  text: string;
  /** The file it came from. */
  source: string;
}

/** A file that a corpus was made from, as a manifest names it. */
export interface SourceRecord {
  path: string;
  bytes: number;
  sha256: string;
  /** How it is read, which its name tells: `jsonl`, `text.gz`. */
  read: string;
}

export interface ReadOptions {
  /** Field of JSON lines, or column of Parquet, that holds the text. Default "text". */
  field?: string;
  /** Encoding of all files (any WHATWG name, or cp932); detected for each file when left out. Parquet is always UTF-8. */
  encoding?: string;
  /** Length at which long text files are cut into documents, 100 at least; `Infinity` keeps them whole. See split.ts. */
  documentCharacters?: number;
}

const readOptions: OptionNames<ReadOptions> = { field: true, encoding: true, documentCharacters: true };

export interface MendedDocuments {
  readonly count: number;
  readonly first: { readonly file: string; readonly row: number } | undefined;
}

const noneMended: MendedDocuments = { count: 0, first: undefined };

/** What a thread reads: a file, or whole lines of one. */
export interface Reading {
  file: SourceFile;
  /** Bytes from and to, where lines begin, of a file of JSON lines in UTF-8. */
  range?: readonly [from: number, to: number];
}

/** What preparation reads. */
export interface Corpus {
  /** The documents from the first on; each call reads anew. */
  documents(): AsyncIterable<TextDocument>;
  /** The files behind them, hashed. */
  sources(): Promise<SourceRecord[]>;
  /** How the files are read, where it changes the documents: part of what tells one corpus from another. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** Size of all files on the disk, and how much of it the latest `documents()` has gone through. */
  readonly bytesTotal: number;
  readonly bytesRead: number;
  /** Documents of the latest `documents()` in which U+FFFD stands for half of a surrogate pair, which is no character. */
  readonly mended: MendedDocuments;
  /** What was found in folders and is not read. */
  readonly passedOver: Omit<SourceListing, 'files'>;
  /** For reading it in threads, where it is read from files. */
  readonly inThreads?: ThreadedReading;
}

/** What threads need to read the files of a corpus, and how they tell what they have read. */
export interface ThreadedReading {
  readonly files: readonly SourceFile[];
  readonly options: ReadOptions;
  readSoFar(bytes: number): void;
  mended(found: MendedDocuments): void;
}

class FileCorpus implements Corpus {
  readonly files: readonly SourceFile[];
  readonly passedOver: Corpus['passedOver'];
  readonly settings: Readonly<Record<string, string | number>>;
  readonly bytesTotal: number;
  #bytesRead = 0;
  #mended = noneMended;
  #field: string;
  #encoding: string | undefined;
  #documentCharacters: number;
  readonly #range: Reading['range'];
  readonly inThreads: ThreadedReading;

  constructor({ files, ...passedOver }: SourceListing, options: ReadOptions, range?: Reading['range']) {
    this.files = files;
    this.#range = range;
    this.inThreads = {
      files,
      options,
      readSoFar: (bytes) => {
        this.#bytesRead = bytes;
      },
      mended: (found) => {
        this.#mended = found;
      },
    };
    this.passedOver = passedOver;
    this.bytesTotal = files.reduce((sum, file) => sum + file.bytes, 0);
    this.#field = options.field ?? 'text';
    const { encoding = range && 'utf-8' } = options;
    this.#encoding = encoding === undefined ? undefined : parseEncoding(encoding);
    this.#documentCharacters = options.documentCharacters ?? DOCUMENT_CHARACTERS;
    if (!(this.#documentCharacters >= 100)) {
      throw new ConfigError(
        'document-characters',
        `documents should be at least 100 characters long but ${this.#documentCharacters} was asked for`,
        {
          remedy: 'Use some thousands, or Infinity to keep files whole.',
        },
      );
    }
    this.settings = {
      field: this.#field,
      encoding: this.#encoding ?? 'detected',
      documentCharacters: String(this.#documentCharacters),
    };
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get mended(): MendedDocuments {
    return this.#mended;
  }

  async *documents(): AsyncGenerator<TextDocument> {
    this.#mended = noneMended;
    this.#bytesRead = 0;
    let before = 0;
    for (const file of this.files) {
      for await (const text of this.#texts(file, before)) yield { text, source: file.path };
      before += file.bytes;
      this.#bytesRead = before;
    }
  }

  async sources(): Promise<SourceRecord[]> {
    const records: SourceRecord[] = [];
    for (const { path, bytes, format } of this.files) {
      const packed = COMPRESSED.find((ending) => path.toLowerCase().endsWith(ending)) ?? '';
      records.push({ path, bytes, sha256: await contentHash(path), read: format + packed });
    }
    return records;
  }

  #texts(file: SourceFile, before: number): AsyncIterable<string> {
    if (file.format === 'parquet') {
      return readParquet(file.path, this.#field, (share) => {
        this.#bytesRead = before + share * file.bytes;
      });
    }
    // Detection reads a file once more, so what goes beyond its size is a second pass.
    const start = this.#encoding || this.#range ? before : before - file.bytes;
    let read = 0;
    const onRead = (bytes: number) => {
      read += bytes;
      this.#bytesRead = Math.max(before, Math.min(start + read, before + file.bytes));
    };
    const characters = decode(fileSource(file.path, onRead, this.#range), this.#encoding);
    return file.format === 'jsonl'
      ? this.#jsonLines(file.path, characters)
      : splitText(file.path, characters, this.#documentCharacters);
  }

  /** A corpus is too large to mend it row by row: what is no character is replaced, and counted. Only JSON can spell it. */
  async *#jsonLines(file: string, characters: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const { row, text } of readJsonLines(file, characters, this.#field)) {
      if (!text.isWellFormed()) {
        const { count, first = { file, row } } = this.#mended;
        this.#mended = { count: count + 1, first };
      }
      yield text.toWellFormed();
    }
  }
}

/** The corpus in `paths` (files and folders). Missing, unreadable or empty ones are DataErrors. */
export function openCorpus(paths: readonly string[], options: ReadOptions = {}): Corpus {
  checkOptions('openCorpus', options, readOptions);
  return new FileCorpus(listSources(paths), options);
}

/** One of several machines' part of a corpus: what it reads, and which part that is. */
export function openCorpusPart(
  paths: readonly string[],
  wanted: WantedPart,
  options: ReadOptions = {},
): { corpus: Corpus; part: Part } {
  checkOptions('openCorpusPart', options, readOptions);
  const { files, ...passedOver } = listSources(paths);
  const part = partOf(files, wanted);
  return { corpus: new FileCorpus({ files: files.slice(part.from, part.to), ...passedOver }, options), part };
}

/** A corpus of what a thread reads. */
export function openReading({ file, range }: Reading, options: ReadOptions): Corpus {
  return new FileCorpus({ files: [file], leftOut: [], otherFormats: 0, hidden: 0 }, options, range);
}

/** Whether a file is read as UTF-8 and all of it is. @throws DataError when its encoding cannot be told */
export async function isSoundUtf8({ path }: SourceFile, { encoding }: ReadOptions): Promise<boolean> {
  if (encoding === undefined) return (await detectEncoding(fileSource(path))) === 'utf-8';
  if (parseEncoding(encoding) !== 'utf-8') return false;
  const { validUtf8, mark = 'utf-8' } = await survey(fileSource(path), /^$/);
  return validUtf8 && mark === 'utf-8';
}

/** The documents in `paths` (files and folders), in a fixed order. */
export function readDocuments(paths: readonly string[], options: ReadOptions = {}): AsyncIterable<TextDocument> {
  return openCorpus(paths, options).documents();
}
