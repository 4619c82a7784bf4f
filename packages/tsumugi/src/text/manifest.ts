// The manifest of a folder of token shards: what is in it, what it was made from, and the check of its shape on reading.
//
// A folder holds `tokens-00000.bin`, … (token ids, uint32 little-endian, documents one after the other, none across two
// files), `documents.bin` (three uint32 for each document, in order: tokens, characters, 1 if held out) and `manifest.json`.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DataError, FormatError, issueText, readJsonValue } from '../base/index.ts';
import { fingerprintOf } from './fingerprint.ts';
import { MAX_MANIFEST_BYTES, MAX_MANIFEST_VALUES } from './limits.ts';

export const MANIFEST_FILE = 'manifest.json';
export const DOCUMENTS_FILE = 'documents.bin';
/** uint32 fields of a record in `documents.bin`: tokens, characters, held out. */
export const DOCUMENT_FIELDS = 3;

export const count = z.int().nonnegative();
export const sha256Text = z.string().regex(/^[0-9a-f]{64}$/);

export const totals = z.strictObject({
  documents: count,
  /** Unicode code points. */
  characters: count,
  /** Of the text in UTF-8. */
  bytes: count,
  /** With one BOS for each document. */
  tokens: count,
});

export const manifestSchema = z.strictObject({
  format: z.literal('tsumugi-token-shards'),
  version: z.literal(1),
  /** Hash of everything that determines the content; equal fingerprints mean equal shards. */
  fingerprint: sha256Text,
  tokenizer: z.strictObject({ sha256: z.string(), vocabSize: z.int().positive(), bosId: count }),
  seed: z.int(),
  heldOutFraction: z.number().min(0).lt(1),
  /** After which a new file was begun. */
  shardTokens: z.int().positive(),
  /** What is in the shards. */
  train: totals,
  heldOut: totals,
  /** Documents that were read but not kept. */
  duplicates: count,
  empty: count,
  sources: z.array(z.strictObject({ path: z.string(), bytes: count, sha256: sha256Text, read: z.string() })),
  settings: z.record(z.string(), z.union([z.string(), z.number()])),
  shards: z.array(
    z.strictObject({ file: z.string().regex(/^tokens-\d{5,}\.bin$/), tokens: z.int().positive(), sha256: sha256Text }),
  ),
  /** SHA-256 of `documents.bin`. */
  documents: sha256Text,
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Totals = z.infer<typeof totals>;
/** A part of the documents: those to learn from, or those to measure with. */
export type Split = 'train' | 'heldOut';

/** Reads and checks the manifest of `folder`: DataError when there is none, FormatError when it is malformed. */
export function readManifest(folder: string): Manifest {
  const path = join(folder, MANIFEST_FILE);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (statSync(join(folder, 'part.json'), { throwIfNoEntry: false })?.isFile())
      throw new DataError('not-joined', `${folder} is one part of a corpus that several machines prepare`, {
        remedy: 'Join all parts into one folder first (tsumugi data join), and name that.',
        fields: { folder },
      });
    const fault = !found
      ? 'does not exist'
      : `is not a folder of token shards: it ${found.isDirectory() ? `has no ${MANIFEST_FILE}` : 'is a file'}`;
    throw new DataError('no-shards', `${folder} ${fault}`, {
      remedy: 'Prepare the text first (tsumugi data prepare), or name the folder that this wrote.',
      fields: { folder },
    });
  }
  const malformed = (reason: string, cause?: unknown) =>
    new FormatError('malformed-manifest', `${path} is not a manifest of token shards: ${reason}`, {
      remedy: 'Prepare the text again.',
      fields: { path },
      cause,
    });
  const limits = { bytes: MAX_MANIFEST_BYTES, values: MAX_MANIFEST_VALUES };
  const value = readJsonValue(path, { remedy: 'Prepare the text again.', ...limits });
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) {
    const { data } = parsed;
    if (fingerprintOf(data) === data.fingerprint) return data;
    throw malformed('its fingerprint is not that of what it says, or it was written by another version');
  }
  throw malformed(issueText(parsed.error.issues[0]!, value), parsed.error);
}
