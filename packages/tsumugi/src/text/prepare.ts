// Preparation: documents → cleaned, tokenized, without exact duplicates, split by document, written as token shards.
//
//   1. segments    each thread reads files and writes their tokens, and a record for each document, beside the shards to come
//   2. duplicates  the records' digests are sorted, on the disk where they do not fit the memory (segments/duplicates.ts)
//   3. shards      what stays is copied in the order of the input, and the segments are removed
//
// Memory does not grow with the text: a document and its tokens for each thread, the memory for duplicates, and 2 bits a document.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkCount,
  checkOptions,
  DataError,
  type OptionNames,
  StagedFolder,
  unlessBroken,
  writingAt,
} from '../base/index.ts';
import { alreadyThere } from './already-there.ts';
import type { Encoder } from './encoder.ts';
import { differencesBetween, fingerprintOf, type Origin } from './fingerprint.ts';
import { MANIFEST_FILE, type Manifest, readManifest } from './manifest.ts';
import { divide, writeShards } from './segments/assemble.ts';
import type { DocumentSet } from './segments/document-set.ts';
import { checkDedupMemory, DEDUP_MEMORY, findDuplicates } from './segments/duplicates.ts';
import { checkHeldOutFraction, HELD_OUT_FRACTION } from './segments/held-out.ts';
import type { Segment } from './segments/segment.ts';
import { writeInThreads } from './segments/write-in-threads.ts';
import { type SegmentCounts, type WrittenSegment, writeSegment } from './segments/write-segment.ts';
import { TokenShards } from './shards.ts';
import type { Corpus } from './sources.ts';

export interface PrepareOptions {
  encoder: Encoder;
  /** SHA-256 of the tokenizer's file: shards fit one tokenizer only. */
  tokenizerHash: string;
  /** Decides which documents are held out. */
  seed: number;
  /** Share of the documents held out, in [0, 1). Default 0.05. */
  heldOutFraction?: number;
  /** Tokens after which a new shard file is begun. Default 2^26 (256 MiB). */
  shardTokens?: number;
  /** Threads that read and tokenize files: 1 unless given. The shards are the same with any number. */
  threads?: number;
  /** File or folder of the tokenizer, which threads open by themselves: without it all is done in this one. */
  tokenizer?: string;
  /** Bytes of memory for finding duplicates, 1 MiB at least; beyond it the disk is used. Default 1 GiB. */
  dedupMemory?: number;
  /** Called about ten times a second, and at the end. */
  onProgress?: (progress: PrepareProgress) => void;
}

export const prepareOptions: OptionNames<PrepareOptions> = {
  encoder: true,
  tokenizerHash: true,
  seed: true,
  heldOutFraction: true,
  shardTokens: true,
  threads: true,
  tokenizer: true,
  dedupMemory: true,
  onProgress: true,
};

/** Amounts so far, of what was read: duplicates of other files among it. */
export interface PrepareProgress {
  documents: number;
  characters: number;
  tokens: number;
  /** How far the files are read. */
  bytesRead: number;
  bytesTotal: number;
  /** How much of the whole work is done, in [0, 1]. */
  done: number;
}

export interface Prepared {
  manifest: Manifest;
  /** True when the folder already held exactly this, and nothing was written. */
  reused: boolean;
  /** What was wrong with the files that were there of this, so that they were made anew. */
  damage: string | undefined;
}

const PROGRESS_INTERVAL_MS = 100;
/** The share of the time that reading and tokenizing take. */
const READING_SHARE = 0.95;
/** A thread for less text takes longer to start than it saves. */
const BYTES_FOR_THREAD = 2 ** 22;

/**
 * Prepares `corpus` in `folder`, or finds that it already is. Each document is written as BOS and its tokens, without an end
 * mark: the published models' streams are separated by BOS. Control pieces named in the text are plain text.
 *
 * A document is held out when a number drawn from its content and the seed falls below the fraction, so it keeps its side
 * when other documents come or go. With two documents or more and a fraction above 0, neither side is left empty.
 *
 * What is there of the same text, read and tokenized alike, is looked at byte for byte, and made anew where it is damaged. A folder
 * of other shards, or of anything else, is a DataError, as is text with no content or that changes while it is read.
 */
export async function prepare(corpus: Corpus, folder: string, options: PrepareOptions): Promise<Prepared> {
  checkOptions('prepare', options, prepareOptions);
  const origin = await originOf(corpus, options);
  const { manifest: there, damage } = await shardsThere(folder, origin, 'prepare it');
  if (there) return { manifest: there, reused: true, damage };

  using staged = new StagedFolder(folder, (place) => unlessBroken(() => readManifest(place)) !== undefined);
  const found = await readSegments(corpus, staged.path, folder, options);
  await requireUnchanged(corpus, origin);
  const content = await shardsOf(found, staged.path, origin, (written) => found.report(written));
  const manifest = writeManifest(staged.path, folder, origin, content);
  staged.commit();
  return { manifest, reused: false, damage };
}

/** Shards of the same origin that a folder already holds. @param make what one does with the text, in words */
export const shardsThere = (folder: string, origin: Origin, make: string) =>
  alreadyThere(folder, {
    what: 'text',
    make,
    read: readManifest,
    differences: (there) => differencesBetween(there, origin),
    async verify() {
      using shards = TokenShards.open(folder);
      await shards.verify();
    },
  });

/** What determines the shards of a corpus. @throws ConfigError for options out of range */
export async function originOf(corpus: Corpus, options: PrepareOptions): Promise<Origin> {
  const { encoder, tokenizerHash, seed, shardTokens = 1 << 26, heldOutFraction = HELD_OUT_FRACTION } = options;
  checkHeldOutFraction(heldOutFraction);
  checkDedupMemory(options.dedupMemory ?? DEDUP_MEMORY);
  checkCount('threads', options.threads ?? 1, 1, 1024);
  return {
    sources: await corpus.sources(),
    settings: { ...corpus.settings },
    tokenizer: { sha256: tokenizerHash, vocabSize: encoder.vocabSize, bosId: encoder.bosId },
    seed,
    heldOutFraction,
    shardTokens,
  };
}

/** @throws DataError when files changed since `origin` was made of them */
export async function requireUnchanged(corpus: Corpus, origin: Origin): Promise<void> {
  const now = await corpus.sources();
  if (fingerprintOf({ ...origin, sources: now }) === fingerprintOf(origin)) return;
  const changed = now.find(({ sha256 }, i) => sha256 !== origin.sources[i]?.sha256)?.path ?? 'the text';
  throw new DataError('input-changed', `${changed} changed while it was read`, {
    remedy: 'Prepare it again once nothing writes to it.',
    fields: { path: changed },
  });
}

/** What was read: the segments, in order, and which of their documents are dropped. */
export interface ReadSegments {
  segments: readonly Segment[];
  dropped: DocumentSet;
  /** Of the documents that were read, how many were dropped. */
  duplicates: number;
  empty: number;
  /** Tells how much of the shards is written. */
  report(written: number): void;
}

/** Reads and tokenizes a corpus into segments in `staged`, and finds its duplicates. @param place named in errors */
export async function readSegments(
  corpus: Corpus,
  staged: string,
  place: string,
  options: PrepareOptions,
): Promise<ReadSegments> {
  let now: SegmentCounts = { documents: 0, characters: 0, tokens: 0, duplicates: 0, empty: 0 };
  const report = (written: number) => {
    const { bytesRead, bytesTotal } = corpus;
    const done = READING_SHARE * (bytesRead / (bytesTotal || 1)) + (1 - READING_SHARE) * written;
    const { documents, characters, tokens } = now;
    options.onProgress?.({ documents, characters, tokens, bytesRead, bytesTotal, done });
  };
  let nextReport = performance.now() + PROGRESS_INTERVAL_MS;
  const onProgress = (counts: SegmentCounts) => {
    now = counts;
    if (performance.now() < nextReport) return;
    report(0);
    nextReport = performance.now() + PROGRESS_INTERVAL_MS;
  };
  const written = await writeSegments(corpus, staged, place, options, onProgress);
  const segments = written.map(({ segment }) => segment);
  const sum = (name: keyof SegmentCounts) => written.reduce((total, counts) => total + counts[name], 0);
  const dropped = await findDuplicates(segments, join(staged, 'sorting'), options.dedupMemory ?? DEDUP_MEMORY);
  return { segments, dropped, duplicates: sum('duplicates') + dropped.size, empty: sum('empty'), report };
}

async function writeSegments(
  corpus: Corpus,
  staged: string,
  place: string,
  options: PrepareOptions,
  onProgress: (counts: SegmentCounts) => void,
): Promise<WrittenSegment[]> {
  const { threads: most = 1, tokenizer, tokenizerHash, encoder } = options;
  const folder = join(staged, SEGMENTS);
  const threads = Math.min(most, Math.ceil(corpus.bytesTotal / BYTES_FOR_THREAD));
  if (threads > 1 && tokenizer !== undefined && corpus.inThreads)
    return await writeInThreads(corpus.inThreads, { threads, tokenizer, tokenizerHash, folder, place, onProgress });
  writingAt(place, () => mkdirSync(folder));
  return [await writeSegment(corpus.documents(), join(folder, '0'), encoder, place, onProgress)];
}

/** The folder of the segments, in that of the shards to come. */
export const SEGMENTS = 'segments';

/** Writes the shards of segments, which are removed. @throws DataError when there are no documents */
export async function shardsOf(
  { segments, dropped, duplicates, empty }: Omit<ReadSegments, 'report'>,
  folder: string,
  { seed, heldOutFraction, shardTokens }: Pick<Origin, 'seed' | 'heldOutFraction' | 'shardTokens'>,
  onProgress: (written: number) => void,
): Promise<Content> {
  const division = await divide(segments, dropped, { seed, fraction: heldOutFraction });
  const { train, heldOut } = division;
  if (train.documents + heldOut.documents === 0) throw noText(empty);
  const consume = segments.every(({ records }) => records.startsWith(folder));
  const shards = await writeShards({ folder, segments, dropped, shardTokens, consume, onProgress }, division);
  rmSync(join(folder, SEGMENTS), { recursive: true, force: true });
  onProgress(1);
  return { train, heldOut, duplicates, empty, ...shards };
}

/** What a manifest says besides the origin. */
type Content = Pick<Manifest, 'train' | 'heldOut' | 'duplicates' | 'empty' | 'shards' | 'documents'>;

/** Writes the manifest into `staged`. @param folder named in errors */
export function writeManifest(staged: string, folder: string, origin: Origin, content: Content): Manifest {
  const { train, heldOut, duplicates, empty, shards, documents } = content;
  const manifest: Manifest = {
    format: 'tsumugi-token-shards',
    version: 1,
    fingerprint: fingerprintOf(origin),
    ...origin,
    train,
    heldOut,
    duplicates,
    empty,
    shards,
    documents,
  };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writingAt(folder, () => writeFileSync(join(staged, MANIFEST_FILE), text));
  return manifest;
}

function noText(empty: number): DataError {
  const read = empty > 0 ? `all ${empty} documents are empty` : 'it holds no documents';
  return new DataError('empty-text', `there is no text to learn from: ${read}`, {
    remedy: 'Name files or folders with text in them, and the right --field for JSON lines and Parquet.',
    fields: { empty },
  });
}
