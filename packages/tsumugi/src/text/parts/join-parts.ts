// The parts of several machines → one folder of token shards: byte for byte what one machine would have made of all files, in the
// order of the parts. Duplicates are found across all parts by the records of their documents; no text is read again.
import { join } from 'node:path';
import { checkOptions, DataError, StagedFolder, unlessBroken } from '../../base/index.ts';
import { differentSettings, type Origin } from '../fingerprint.ts';
import { type Manifest, readManifest } from '../manifest.ts';
import { type Prepared, shardsOf, shardsThere, writeManifest } from '../prepare.ts';
import { RECORDS_FILE } from '../segments/assemble.ts';
import { checkDedupMemory, DEDUP_MEMORY, findDuplicates } from '../segments/duplicates.ts';
import type { Segment } from '../segments/segment.ts';
import { describePart, type PartManifest, readPart, verifyPart } from './part-manifest.ts';

export interface JoinOptions {
  /** Bytes of memory for finding duplicates, 1 MiB at least; beyond it the disk is used. Default 1 GiB. */
  dedupMemory?: number;
  /** Told some times a second how much is done, in [0, 1], and at the end. */
  onProgress?: (done: number) => void;
}

interface FoundPart {
  folder: string;
  said: PartManifest;
}

/** @throws DataError for parts that do not fit, or lack one, or have one twice; FormatError for damaged ones */
export async function joinParts(folders: readonly string[], out: string, options: JoinOptions = {}): Promise<Prepared> {
  checkOptions('joinParts', options, { dedupMemory: true, onProgress: true });
  const memory = checkDedupMemory(options.dedupMemory ?? DEDUP_MEMORY);
  const parts = folders.map((folder): FoundPart => ({ folder, said: readPart(folder) }));
  requireWhole(parts);
  const { tokenizer, seed, heldOutFraction, shardTokens, settings } = parts[0]!.said;
  const sources = parts.flatMap(({ said }) => said.sources);
  const origin: Origin = { sources, settings, tokenizer, seed, heldOutFraction, shardTokens };
  const { manifest: there, damage } = await shardsThere(out, origin, 'join the parts');
  if (there) return { manifest: there, reused: true, damage };
  for (const { folder, said } of parts) await verifyPart(folder, said);

  using staged = new StagedFolder(out, (place) => unlessBroken(() => readManifest(place)) !== undefined);
  const segments = parts.map(
    ({ folder, said }): Segment => ({
      tokens: said.shards.map(({ file }) => join(folder, file)),
      records: join(folder, RECORDS_FILE),
      documents: said.totals.documents,
    }),
  );
  const dropped = await findDuplicates(segments, join(staged.path, 'sorting'), memory);
  const sum = (name: 'duplicates' | 'empty') => parts.reduce((total, { said }) => total + said[name], 0);
  const found = { segments, dropped, duplicates: sum('duplicates') + dropped.size, empty: sum('empty') };
  const content = await shardsOf(found, staged.path, origin, options.onProgress ?? (() => {}));
  const manifest: Manifest = writeManifest(staged.path, out, origin, content);
  staged.commit();
  return { manifest, reused: false, damage };
}

/** Puts the parts in order. @throws DataError unless they are all parts of one corpus */
function requireWhole(parts: FoundPart[]): void {
  const [first] = parts;
  if (!first) throw new DataError('no-part', 'no parts were named', { remedy: 'Name the folders of all parts.' });
  for (const part of parts) requireAlike(first, part);
  const { of } = first.said.part;
  parts.sort((a, b) => a.said.part.index - b.said.part.index);
  for (const [i, { folder, said }] of parts.entries()) {
    const next = parts[i + 1];
    if (next && next.said.part.index === said.part.index)
      throw new DataError('doubled-part', `${folder} and ${next.folder} are both ${describePart(said.part)}`, {
        remedy: 'Name each part once.',
        fields: { folders: [folder, next.folder], index: said.part.index },
      });
  }
  const indices = new Set(parts.map(({ said }) => said.part.index));
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !indices.has(index));
  if (missing.length > 0)
    throw new DataError('missing-part', `of ${of} parts, ${named(missing)} missing`, {
      remedy: 'Prepare what is missing, and name the folders of all parts.',
      fields: { missing, of },
    });
}

const named = (missing: readonly number[]): string =>
  missing.length === 1
    ? `part ${missing[0]} is`
    : `parts ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''} are`;

/** @throws DataError that says in what two parts differ */
function requireAlike(first: FoundPart, { folder, said }: FoundPart): void {
  const [before, after] = [first.said, said];
  const differences = differentSettings(before, after);
  const compare = (name: string, then: number, now: number) => {
    if (then !== now) differences.push(`${name} ${then} → ${now}`);
  };
  compare('number of parts', before.part.of, after.part.of);
  compare('version of the readers', before.readingVersion, after.readingVersion);
  if (before.part.list !== after.part.list) differences.push('another list of files');
  if (differences.length === 0) return;
  throw new DataError('parts-differ', `${folder} does not fit ${first.folder}: ${differences.join(', ')}`, {
    remedy: 'Prepare all parts of the same list, with the same tokenizer, settings and version of tsumugi.',
    fields: { folders: [first.folder, folder], differences },
  });
}
