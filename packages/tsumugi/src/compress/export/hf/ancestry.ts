// Where a model comes from, told without a machine's paths: its own lineage, that of the folders it was made from as far as they
// are here and unchanged, and the models of the hub at the beginning.
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Artefact, CONFIG_FILE, hubOrigin, type Lineage } from '../../../store/index.ts';
import { readFrontMatter } from './front-matter.ts';

export interface Ancestor {
  /** "pfnet/plamo-2-1b@<commit>", or the name of a folder. */
  readonly label: string;
  /** Over its files. */
  readonly sha256: string;
  /** What made it, as far as that is known. */
  readonly made: Pick<Lineage, 'stage' | 'recipe' | 'seed' | 'commit'> | undefined;
  /** Labels of what it was made from. */
  readonly parents: readonly string[];
  readonly data: readonly { readonly label: string; readonly sha256: string }[];
  /** On the hub. */
  readonly repo: string | undefined;
  /** As its card has it. */
  readonly licence: string | undefined;
}

const MOST = 100;

/** The model itself first, then what it was made from, each once. @param sha256 over the files of `folder` */
export async function ancestryOf(folder: string, sha256: string): Promise<Ancestor[]> {
  const found = new Map<string, Ancestor>();
  const waiting = [{ name: folder, sha256 }];
  for (let next = waiting.shift(); next && found.size < MOST; next = waiting.shift()) {
    if (found.has(next.sha256)) continue;
    const place = await unchangedFolder(next.name, next.sha256, next.name === folder);
    const lineage = place?.lineage();
    const label = labelOf(next.name);
    const parents = lineage?.parents ?? [];
    found.set(next.sha256, {
      label,
      sha256: next.sha256,
      made: lineage,
      parents: parents.map(({ name }) => labelOf(name)),
      data: (lineage?.data ?? []).map((each) => ({ label: labelOf(each.name), sha256: each.sha256 })),
      repo: /^([^/]+\/[^/]+)@[0-9a-f]{40}$/.exec(label)?.[1],
      licence: place && licenceOf(place.path),
    });
    waiting.push(...parents);
  }
  return [...found.values()];
}

/** The folder when it holds what was recorded of it. */
async function unchangedFolder(name: string, sha256: string, isKnown: boolean): Promise<Artefact | undefined> {
  if (!statSync(name, { throwIfNoEntry: false })?.isDirectory() || !existsSync(join(name, CONFIG_FILE)))
    return undefined;
  const artefact = new Artefact(name);
  return isKnown || (await artefact.hash()) === sha256 ? artefact : undefined;
}

function licenceOf(folder: string): string | undefined {
  const { license } = readFrontMatter(folder);
  return typeof license === 'string' ? license : undefined;
}

/** A name that tells nothing of the machine: the folder's own, with that of its run when it is just "model". */
export function labelOf(name: string): string {
  const origin = hubOrigin(name);
  if (origin) return `${origin.repo}@${origin.commit}`;
  if (/^[^/\\]+\/[^/\\]+@[0-9a-f]{40}$/.test(name)) return name;
  const path = resolve(name);
  return basename(path) === 'model' ? `${basename(dirname(path))}/model` : basename(path);
}
