// The folder of a recipe's run: `recipe.json` (which recipe), `artefacts/` (what its stages made, by address), a link to the
// present artefact of each stage under the stage's name, `events.jsonl`, and the report. One process writes to it.
import { existsSync, lstatSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { makeFolder, placeAtomic, removeUnfinished, UserError } from '../base/index.ts';
import { EventLog, Lock } from '../run/index.ts';
import { readJson, writeJson } from '../store/index.ts';
import type { PlannedStage } from './plan.ts';
import { artefactsIn } from './record.ts';

const RECIPE_FILE = 'recipe.json';
const LOCK_FILE = 'run.lock';

const schema = z.strictObject({ format: z.literal('tsumugi-recipe'), version: z.literal(1), recipe: z.string() });

/** @throws UserError when `out` is something else than a folder for this recipe */
export function checkRecipeFolder(out: string, recipe: string): void {
  const refuse = (code: string, problem: string) =>
    new UserError(code, `${out} ${problem}`, { remedy: 'Choose another --out.', fields: { path: out } });
  const found = statSync(out, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isDirectory()) throw refuse('not-a-folder', 'is a file');
  if (existsSync(join(out, RECIPE_FILE))) {
    const other = readJson(join(out, RECIPE_FILE), schema).recipe;
    if (other !== recipe) throw refuse('other-recipe', `holds a run of the recipe ${other}, not of ${recipe}`);
    return;
  }
  // A process killed while it made the folder leaves these.
  const ours = (name: string) => name.startsWith(LOCK_FILE) || name.startsWith(RECIPE_FILE);
  const other = readdirSync(out).find((name) => !ours(name));
  if (other !== undefined) throw refuse('not-a-recipe', `holds something else (${other})`);
}

export class RecipeFolder implements Disposable {
  readonly path: string;
  readonly events: EventLog;
  readonly #lock: Lock;

  /** Makes or opens the folder, for writing. @throws UserError when it is something else, or another process writes to it */
  constructor(path: string, recipe: string) {
    this.path = path;
    checkRecipeFolder(path, recipe);
    makeFolder(path);
    this.#lock = new Lock(join(path, LOCK_FILE), path);
    removeUnfinished(path);
    writeJson(join(path, RECIPE_FILE), { format: 'tsumugi-recipe', version: 1, recipe });
    makeFolder(artefactsIn(path));
    this.events = new EventLog(join(path, 'events.jsonl'), Number.POSITIVE_INFINITY);
  }

  /** Points `<out>/<name of the stage>` to a stage's artefact folder. */
  link({ stage, folder }: PlannedStage): void {
    const place = join(this.path, stage.name);
    const found = lstatSync(place, { throwIfNoEntry: false });
    if (found && !found.isSymbolicLink()) return; // somebody's own: it stays
    placeAtomic(place, (temporary) => symlinkSync(relative(this.path, folder), temporary));
  }

  [Symbol.dispose](): void {
    this.events[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }
}
