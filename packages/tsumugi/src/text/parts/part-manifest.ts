// What a machine's part of a corpus says of itself, in `part.json`: what it was made from, and the hashes of its files. Beside it lie
// token shards, and `records.bin` with a record for each document (segments/segment.ts), by which the parts are joined.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { contentHash, DataError, FormatError, issueText, readJsonValue, sha256 } from '../../base/index.ts';
import { MAX_MANIFEST_BYTES, MAX_MANIFEST_VALUES } from '../limits.ts';
import { count, manifestSchema, sha256Text, totals } from '../manifest.ts';
import { RECORDS_FILE } from '../segments/assemble.ts';
import type { Part } from './part-of.ts';

export const PART_FILE = 'part.json';

const { tokenizer, seed, heldOutFraction, shardTokens, duplicates, empty, sources, settings, shards } =
  manifestSchema.shape;

const partSchema = z.strictObject({
  format: z.literal('tsumugi-token-part'),
  version: z.literal(1),
  /** Of readers, cleaning and splitting: parts of different versions do not fit. */
  readingVersion: count,
  /** Hash of all that follows. */
  fingerprint: sha256Text,
  part: z.strictObject({
    index: z.int().positive(),
    of: z.int().positive(),
    list: sha256Text.nullable(),
    from: count,
    to: count,
  }),
  tokenizer,
  seed,
  heldOutFraction,
  shardTokens,
  /** What is in the shards, of both splits. */
  totals,
  duplicates,
  empty,
  sources,
  settings,
  shards,
  /** SHA-256 of `records.bin`. */
  records: sha256Text,
});

export type PartManifest = z.infer<typeof partSchema>;

export const describePart = ({ index, of }: Pick<Part, 'index' | 'of'>): string => `part ${index} of ${of}`;

/** Hash of what a part says. */
export function partFingerprint({
  fingerprint: _,
  ...said
}: PartManifest | (Omit<PartManifest, 'fingerprint'> & { fingerprint?: string })): string {
  return sha256(JSON.stringify(partSchema.omit({ fingerprint: true }).parse(said)));
}

export const isPart = (folder: string): boolean =>
  statSync(join(folder, PART_FILE), { throwIfNoEntry: false })?.isFile() ?? false;

const remedy = 'Prepare this part again (tsumugi data prepare), and join the parts then.';

/** @throws DataError when there is no part, FormatError when it is malformed */
export function readPart(folder: string): PartManifest {
  const path = join(folder, PART_FILE);
  if (!isPart(folder))
    throw new DataError('no-part', `${folder} is no part of a corpus: it has no ${PART_FILE}`, {
      remedy: 'Name folders that were prepared as parts (tsumugi data prepare with --part).',
      fields: { folder },
    });
  const malformed = (reason: string, cause?: unknown) =>
    new FormatError('malformed-part', `${path} does not describe a part of a corpus: ${reason}`, {
      remedy,
      fields: { path },
      cause,
    });
  const value = readJsonValue(path, { remedy, bytes: MAX_MANIFEST_BYTES, values: MAX_MANIFEST_VALUES });
  const parsed = partSchema.safeParse(value);
  if (!parsed.success) throw malformed(issueText(parsed.error.issues[0]!, value), parsed.error);
  if (partFingerprint(parsed.data) !== parsed.data.fingerprint)
    throw malformed('its fingerprint is not that of what it says, or it was written by another version');
  return parsed.data;
}

/** @throws FormatError that names the first file that is not what the part says */
export async function verifyPart(folder: string, { shards: all, records }: PartManifest): Promise<void> {
  for (const { file, sha256: expected } of [{ file: RECORDS_FILE, sha256: records }, ...all]) {
    const path = join(folder, file);
    const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
    const found = isThere ? await contentHash(path) : undefined;
    if (found === expected) continue;
    const fault = isThere ? `is not what ${PART_FILE} says: its SHA-256 differs` : 'is missing';
    throw new FormatError('part-content', `${path} ${fault}`, { remedy, fields: { path, expected, found } });
  }
}
