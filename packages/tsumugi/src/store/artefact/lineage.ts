// Where a model folder comes from: `lineage.json` beside its weights. Together with the parents' lineage it tells what was
// done, with which settings, code and data, so that it can be done again.
import { z } from 'zod';
import { contentHash } from '../../base/index.ts';
import { hubOrigin } from '../hub/cache-layout.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hexadecimal');

export const lineageSchema = z.strictObject({
  format: z.literal('tsumugi-lineage'),
  version: z.literal(1),
  /** What made it: the stage's name ("pretrain", "merge", …). */
  stage: z.string(),
  /** The recipe it was part of, or null. */
  recipe: z.string().nullable(),
  /** The stage's settings. */
  config: z.record(z.string(), z.json()),
  seed: z.int().nullable(),
  /** The commit of the code, or null when it is not known. */
  commit: z.string().nullable(),
  /** When it was made, ISO 8601. */
  created: z.iso.datetime(),
  /** The model folders it was made from, by the hash of their content (`Artefact.hash`). */
  parents: z.array(z.strictObject({ name: z.string(), sha256 })),
  /** The data it was made from. */
  data: z.array(z.strictObject({ name: z.string(), sha256 })),
  /** The chat template that it was fine-tuned with, by what it makes of conversations. */
  chatTemplate: z.strictObject({ name: z.string(), sha256 }).optional(),
  /** The folder's other files. */
  files: z.record(z.string(), z.strictObject({ bytes: z.int().nonnegative(), sha256 })),
});

export type Lineage = z.infer<typeof lineageSchema>;

/** What the maker of an artefact says about it; the rest of its lineage is filled in when it is written. */
export type Provenance = Pick<Lineage, 'stage'> &
  Partial<Pick<Lineage, 'recipe' | 'config' | 'seed' | 'commit' | 'parents' | 'data' | 'chatTemplate'>>;

/** A model of the hub by its name and commit, which mean the same on every machine; others by their folder. */
function hubNameOfFolder(folder: string): string {
  const origin = hubOrigin(folder);
  return origin ? `${origin.repo}@${origin.commit}` : folder;
}

/** Files that something is made from. */
export const hashedData = (paths: readonly string[]): Promise<Lineage['data']> =>
  Promise.all(paths.map(async (path) => ({ name: path, sha256: await contentHash(path) })));

/** The lineage of files that were written just now. */
export function lineageOf({ parents = [], ...known }: Provenance, files: Lineage['files']): Lineage {
  return {
    format: 'tsumugi-lineage',
    version: 1,
    recipe: null,
    config: {},
    seed: null,
    commit: null,
    data: [],
    ...known,
    parents: parents.map(({ name, sha256: hash }) => ({ name: hubNameOfFolder(name), sha256: hash })),
    created: new Date().toISOString(),
    files,
  };
}
