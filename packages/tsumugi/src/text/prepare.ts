// Preparation: documents → cleaned, without exact duplicates, split by document, tokenized, written as token shards.
// Text goes through one document at a time; what stays in memory is 12 bytes of index and 32 to 64 of digest per document.
import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ConfigError,
  checkOptions,
  DataError,
  deriveSeed,
  FormatError,
  invariant,
  type OptionNames,
  RandomStream,
  StagedFolder,
  unlessBroken,
  writingAt,
} from '../base/index.ts';
import { DigestSet } from './digest-set.ts';
import type { Encoder } from './encoder.ts';
import { differencesBetween, fingerprintOf, type Origin } from './fingerprint.ts';
import { MANIFEST_FILE, type Manifest, readManifest, type Totals } from './manifest.ts';
import { ShardWriter } from './shard-writer.ts';
import { TokenShards } from './shards.ts';
import type { Corpus } from './sources.ts';
import { normaliseNewlines } from './split.ts';

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
  /** Called about ten times a second, and at the end. */
  onProgress?: (progress: PrepareProgress) => void;
}

const prepareOptions: OptionNames<PrepareOptions> = {
  encoder: true,
  tokenizerHash: true,
  seed: true,
  heldOutFraction: true,
  shardTokens: true,
  onProgress: true,
};

/** Amounts so far. `bytesRead` of `bytesTotal` is the share of the files that is done. */
export interface PrepareProgress {
  documents: number;
  characters: number;
  tokens: number;
  bytesRead: number;
  bytesTotal: number;
}

export interface Prepared {
  manifest: Manifest;
  /** True when the folder already held exactly this, and nothing was written. */
  reused: boolean;
  /** What was wrong with the files that were there of this, so that they were made anew. */
  damage: string | undefined;
}

/** The held-out share of the documents when none is given. */
export const HELD_OUT_FRACTION = 0.05;

const PROGRESS_INTERVAL_MS = 100;

/** The number, in [0, 1), that decides whether a document is held out: drawn from its content and the seed. */
const heldOutDraw = (digest: Buffer, seed: number): number =>
  new RandomStream((digest.readUInt32LE(16) ^ deriveSeed(seed, 'held-out')) >>> 0).next();

/** Whether `prepare` holds out a document of this (cleaned) text. */
export function isHeldOut(text: string, seed: number, fraction = HELD_OUT_FRACTION): boolean {
  return heldOutDraw(hash('sha256', text, 'buffer'), seed) < fraction;
}

/** A document as it is tokenized: newlines as `\n`; a lone surrogate, which UTF-8 cannot hold, as U+FFFD. */
export function cleanText(text: string): string {
  return normaliseNewlines(text).toWellFormed();
}

/** Unicode code points in a well-formed string. */
function countCharacters(text: string): number {
  let pairs = 0;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800) pairs++;
  return text.length - pairs;
}

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
  const fraction = options.heldOutFraction ?? HELD_OUT_FRACTION;
  if (!(fraction >= 0 && fraction < 1)) {
    throw new ConfigError(
      'held-out-fraction',
      `the held-out fraction should be at least 0 and below 1 but is ${fraction}`,
      {
        remedy: 'Use a small share such as 0.05.',
      },
    );
  }
  const { encoder, tokenizerHash, seed, shardTokens = 1 << 26 } = options;
  const origin: Origin = {
    sources: await corpus.sources(),
    settings: { ...corpus.settings },
    tokenizer: { sha256: tokenizerHash, vocabSize: encoder.vocabSize, bosId: encoder.bosId },
    seed,
    heldOutFraction: fraction,
    shardTokens,
  };
  const there = unlessBroken(() => readManifest(folder));
  const differences = there ? differencesBetween(there, origin) : [];
  if (differences.length > 0)
    throw new DataError('other-data', `${folder} holds text that was prepared otherwise: ${differences.join(', ')}`, {
      remedy: 'Choose another folder, or remove this one to prepare it anew.',
      fields: { folder, differences },
    });
  const damage = there && (await damageOf(folder));
  if (there && damage === undefined) return { manifest: there, reused: true, damage };

  using staged = new StagedFolder(folder, (place) => unlessBroken(() => readManifest(place)) !== undefined);
  using writer = new ShardWriter(staged.path, shardTokens);
  const kept = await writeDocuments(corpus, writer, options, fraction);
  const fingerprint = fingerprintOf(origin);
  const now = await corpus.sources();
  if (fingerprintOf({ ...origin, sources: now }) !== fingerprint) {
    const changed = now.find(({ sha256 }, i) => sha256 !== origin.sources[i]?.sha256)?.path ?? 'the text';
    throw new DataError('input-changed', `${changed} changed while it was read`, {
      remedy: 'Prepare it again once nothing writes to it.',
      fields: { path: changed },
    });
  }
  const manifest: Manifest = {
    format: 'tsumugi-token-shards',
    version: 1,
    fingerprint,
    ...origin,
    ...kept,
    ...writer.finish(),
  };
  const content = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writingAt(folder, () => writeFileSync(join(staged.path, MANIFEST_FILE), content));
  staged.commit();
  return { manifest, reused: false, damage };
}

/** What is wrong with shards whose manifest is sound; undefined when nothing is. */
async function damageOf(folder: string): Promise<string | undefined> {
  try {
    using shards = TokenShards.open(folder);
    await shards.verify();
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return error.message.split('\n', 1)[0];
    throw error;
  }
}

type Kept = Pick<Manifest, 'train' | 'heldOut' | 'duplicates' | 'empty'>;

/** A document that can be moved to the other split, with the number that was drawn for it. */
interface Candidate {
  draw: number;
  document: number;
  amounts: Totals;
}

/** Reads, cleans, splits, tokenizes and writes all documents. */
async function writeDocuments(
  corpus: Corpus,
  writer: ShardWriter,
  options: PrepareOptions,
  fraction: number,
): Promise<Kept> {
  const { encoder, onProgress } = options;
  const seen = new DigestSet();
  const train: Totals = { documents: 0, characters: 0, bytes: 0, tokens: 0 };
  const heldOut: Totals = { ...train };
  const kept: Kept = { train, heldOut, duplicates: 0, empty: 0 };
  let lowest: Candidate | undefined;
  let highest: Candidate | undefined;

  const report = () =>
    onProgress?.({
      documents: train.documents + heldOut.documents,
      characters: train.characters + heldOut.characters,
      tokens: train.tokens + heldOut.tokens,
      bytesRead: corpus.bytesRead,
      bytesTotal: corpus.bytesTotal,
    });
  let nextReport = performance.now() + PROGRESS_INTERVAL_MS;

  for await (const document of corpus.documents()) {
    const text = cleanText(document.text);
    if (!/\S/.test(text)) {
      kept.empty++;
      continue;
    }
    const digest = hash('sha256', text, 'buffer');
    if (!seen.add(digest)) {
      kept.duplicates++;
      continue;
    }
    const draw = heldOutDraw(digest, options.seed);
    const ids = encoder.encode(text, { addBos: false, safe: true });
    invariant(ids.length > 0, `the tokenizer made no tokens of a document of ${document.source}`);
    const amounts = {
      documents: 1,
      characters: countCharacters(text),
      bytes: Buffer.byteLength(text),
      tokens: ids.length + 1,
    };
    const candidate = { draw, document: writer.documents, amounts };
    if (!lowest || draw < lowest.draw) lowest = candidate;
    if (!highest || draw > highest.draw) highest = candidate;
    writer.add(encoder.bosId, ids, amounts.characters, draw < fraction);
    accumulate(draw < fraction ? heldOut : train, amounts, 1);
    if (performance.now() >= nextReport) {
      report();
      nextReport = performance.now() + PROGRESS_INTERVAL_MS;
    }
  }

  if (!lowest || !highest) throw noText(kept);
  if (writer.documents > 1 && fraction > 0) {
    const moved = heldOut.documents === 0 ? lowest : train.documents === 0 ? highest : undefined;
    if (moved) {
      const toHeldOut = moved === lowest;
      accumulate(toHeldOut ? train : heldOut, moved.amounts, -1);
      accumulate(toHeldOut ? heldOut : train, moved.amounts, 1);
      writer.setHeldOut(moved.document, toHeldOut);
    }
  }
  report();
  return kept;
}

function accumulate(totals: Totals, amounts: Totals, sign: 1 | -1): void {
  totals.documents += sign * amounts.documents;
  totals.characters += sign * amounts.characters;
  totals.bytes += sign * amounts.bytes;
  totals.tokens += sign * amounts.tokens;
}

function noText(kept: Kept): DataError {
  const read = kept.empty > 0 ? `all ${kept.empty} documents are empty` : 'it holds no documents';
  return new DataError('empty-text', `there is no text to learn from: ${read}`, {
    remedy: 'Name files or folders with text in them, and the right --field for JSON lines and Parquet.',
    fields: { empty: kept.empty },
  });
}
