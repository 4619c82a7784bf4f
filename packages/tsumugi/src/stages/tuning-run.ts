// What the stages that learn from rows of examples share in a run: where everything is, and adapters that become the artefact.
import { join } from 'node:path';
import { mergeAdapter } from '../compress/index.ts';
import { codeCommit } from '../run/index.ts';

interface Paths {
  readonly path: string;
  readonly paths: readonly string[];
}

/** The places of a run, which is the stage's folder; its rows to measure on are an input or a share of the others. */
export const tuningPlaces = (
  model: Pick<Paths, 'path'>,
  rows: Pick<Paths, 'paths'>,
  [own]: readonly Pick<Paths, 'paths'>[],
  share: number,
  folder: string,
) => ({ model: model.path, data: [...rows.paths], heldOut: own ? [...own.paths] : share, out: folder });

/** Merges the adapters that a training made, where it made some, into `<folder>/model`: an artefact is a whole model. */
export async function mergeTuned(
  trained: { readonly folder?: string | undefined },
  { lora }: { readonly lora?: number | undefined },
  { model, folder, recipe }: { model: Pick<Paths, 'path'>; folder: string; recipe: string },
): Promise<void> {
  if (lora === undefined || trained.folder === undefined) return;
  await mergeAdapter(trained.folder, join(folder, 'model'), { base: model.path, recipe, commit: codeCommit() });
}
