// A machine's part of a corpus: as `prepare`, but for what only all parts together decide, which `joinParts` does.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkOptions, StagedFolder, unlessBroken, writingAt } from '../../base/index.ts';
import { alreadyThere } from '../already-there.ts';
import { differencesBetween, READING_VERSION } from '../fingerprint.ts';
import { originOf, type PrepareOptions, prepareOptions, readSegments, requireUnchanged, SEGMENTS } from '../prepare.ts';
import { writePartShards } from '../segments/assemble.ts';
import type { Corpus } from '../sources.ts';
import { describePart, PART_FILE, type PartManifest, partFingerprint, readPart, verifyPart } from './part-manifest.ts';
import type { Part } from './part-of.ts';

export interface PreparedPart {
  manifest: PartManifest;
  /** True when the folder already held exactly this, and nothing was written. */
  reused: boolean;
  /** What was wrong with the files that were there of this, so that they were made anew. */
  damage: string | undefined;
}

/** @throws DataError as `prepare` does; a part without a document is none */
export async function preparePart(
  { corpus, part }: { corpus: Corpus; part: Part },
  folder: string,
  options: PrepareOptions,
): Promise<PreparedPart> {
  checkOptions('preparePart', options, prepareOptions);
  const origin = await originOf(corpus, options);
  const { manifest: there, damage } = await alreadyThere(folder, {
    what: 'a part',
    make: 'prepare it',
    read: readPart,
    differences: (there) => [...differentPart(there.part, part), ...differencesBetween(there, origin)],
    verify: verifyPart,
  });
  if (there) return { manifest: there, reused: true, damage };

  using staged = new StagedFolder(folder, (place) => unlessBroken(() => readPart(place)) !== undefined);
  const { segments, dropped, duplicates, empty, report } = await readSegments(corpus, staged.path, folder, options);
  await requireUnchanged(corpus, origin);
  const { shardTokens } = origin;
  const assembly = { folder: staged.path, segments, dropped, shardTokens, consume: true, onProgress: report };
  const { shards, records, totals } = await writePartShards(assembly);
  rmSync(join(staged.path, SEGMENTS), { recursive: true, force: true });
  report(1);
  const said = {
    format: 'tsumugi-token-part' as const,
    version: 1 as const,
    readingVersion: READING_VERSION,
    part,
    ...origin,
    totals,
    duplicates,
    empty,
    shards,
    records,
  };
  const { format, version, readingVersion, ...rest } = said;
  const manifest = { format, version, readingVersion, fingerprint: partFingerprint(said), ...rest };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writingAt(folder, () => writeFileSync(join(staged.path, PART_FILE), text));
  staged.commit();
  return { manifest, reused: false, damage };
}

function differentPart(before: Part, after: Part): string[] {
  const found =
    before.index === after.index && before.of === after.of ? [] : [`${describePart(before)} → ${describePart(after)}`];
  return before.list === after.list ? found : [...found, 'another list of files'];
}
