// Addresses. A stage's address is the SHA-256 of the definition's name and version, the stage's config, and its inputs: the addresses
// of other stages, or the content of files. Neither names of stages nor paths are part of it, so a folder may be moved and a stage
// renamed.
import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { absence, contentHash, DataError, sha256, walkFiles } from '../base/index.ts';
import { canonicalJson } from '../store/index.ts';
import type { RecordedInput, RecordedInputs } from './record.ts';
import { findSource, pathsOf } from './source-paths.ts';
import type { RecipeStage, Source, Uses } from './stage.ts';

export function addressOf({ definition, config }: RecipeStage, inputs: RecordedInputs, uses: Uses): string {
  const addresses = Object.fromEntries(
    Object.entries(inputs).map(([name, given]) => [name, given.map(({ address }) => address)]),
  );
  const { name, version } = definition;
  return sha256(canonicalJson({ stage: name, version, uses, config, inputs: addresses }));
}

/**
 * Hashes what comes from outside: of a folder the content of every file and its path inside; of a single file its content and the
 * endings of its name (`.jsonl.gz`), which tell its format. Hidden files do not count.
 *
 * @throws DataError when there is nothing at a path
 */
export async function hashSource(source: Source): Promise<RecordedInput> {
  await findSource(source);
  const { settings } = source;
  const files: { path: string; name: string }[] = pathsOf(source).flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found)
      throw new DataError('missing-path', `${path} ${absence(path).fault}`, {
        remedy: 'Check the path in the settings of the recipe.',
        fields: { path },
      });
    return found.isDirectory() ? walkFiles(path).files : [{ path, name: endings(path) }];
  });
  const hashes: { path: string; name: string; sha256: string }[] = [];
  for (const { path, name } of files) hashes.push({ path, name, sha256: await contentHash(path) });
  return {
    stage: null,
    sha256: null,
    address: sha256(canonicalJson([settings, ...hashes.map((file) => [file.sha256, file.name])])),
    files: hashes.map(({ path, sha256: hash }) => ({ path, sha256: hash })),
    settings: settings as RecordedInput['settings'],
  };
}

const endings = (path: string): string => extname(basename(path, extname(path))) + extname(path);
