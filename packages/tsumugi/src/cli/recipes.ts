// Finding recipes: by name in `recipes/` here and in tsumugi's own folder, or by the path of a person's file.
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, parse, relative, resolve } from 'node:path';
import { ConfigError, DataError, importFile, moduleEnding, nearest, ownFile, whyNotLoaded } from '../base/index.ts';
import type { Recipe } from '../recipe/index.ts';

const own = ownFile('recipes');

export interface FoundRecipe {
  name: string;
  path: string;
}

const isPath = (recipe: string) => /[/\\]|\.m?[jt]s$/.test(recipe);

/** The recipes that can be run by name; those of the working folder come before tsumugi's own of the same name. */
export function listRecipes(): FoundRecipe[] {
  const found = new Map<string, string>();
  for (const folder of [own, resolve('recipes')]) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).sort())
      if (/(?<!\.(test|d))\.[jt]s$/.test(file)) found.set(parse(file).name, join(folder, file));
  }
  return [...found].map(([name, path]) => ({ name, path })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

const longestHeader = 4096;

/**
 * The first sentence of the comment at the beginning of a recipe's file; '' without one. The file is read and not run: a list of
 * recipes must not run their code.
 */
export function summaryOf({ path }: FoundRecipe): string {
  const bytes = Buffer.alloc(longestHeader);
  const file = openSync(path, 'r');
  try {
    const text = bytes.toString('utf8', 0, readSync(file, bytes, 0, longestHeader, 0));
    const lines = /^(?:#!.*\n)?((?:\/\/.*(?:\n|$))+)/.exec(text)?.[1] ?? '';
    const comment = lines
      .replaceAll(/^\/\/ ?/gm, '')
      .replaceAll(/\s+/g, ' ')
      .trim();
    return /^.*?[.。](?= |$)/.exec(comment)?.[0] ?? comment;
  } finally {
    closeSync(file);
  }
}

/**
 * Loads a recipe by name or path. This runs its file.
 *
 * @throws ConfigError for a name that there is no recipe of, DataError for a file that is not there or holds no recipe
 */
export async function loadRecipe(nameOrPath: string): Promise<Recipe> {
  if (isPath(nameOrPath)) {
    const path = resolve(nameOrPath);
    if (!existsSync(path))
      throw new DataError('no-such-file', `${nameOrPath} does not exist`, {
        remedy: 'Check the path of the recipe.',
        fields: { path },
      });
    return importRecipe(path);
  }
  const recipes = listRecipes();
  const found = recipes.find(({ name }) => name === nameOrPath);
  if (found) return importRecipe(found.path);
  const names = recipes.map(({ name }) => name);
  const near = nearest(nameOrPath, names);
  throw new ConfigError('unknown-recipe', `there is no recipe "${nameOrPath}"`, {
    remedy: near
      ? `Did you mean "${near}"?`
      : `There are: ${names.join(', ')}. A recipe of your own is named by its path, e.g. ./${nameOrPath}.ts.`,
    fields: { recipe: nameOrPath, known: names },
  });
}

/** A recipe that comes with tsumugi, whatever the working folder has under its name. */
export const loadOwnRecipe = (name: string): Promise<Recipe> => importRecipe(join(own, name + moduleEnding));

async function importRecipe(path: string): Promise<Recipe> {
  const inside = relative('', path);
  const shown = inside.startsWith('..') ? path : inside;
  const form = 'A recipe file ends with `export default defineRecipe({ … })`, see docs/recipes.md.';
  const refuse = (problem: string, remedy = form, cause?: unknown) =>
    new DataError('bad-recipe', `${shown}: ${problem}`, {
      remedy,
      fields: { path },
      cause,
    });
  let module: { default?: unknown };
  try {
    module = await importFile(path);
  } catch (error) {
    const problem = `it cannot be loaded: ${whyNotLoaded(path, error)}`;
    throw refuse(problem, 'Mend the file; --debug shows the whole stack.', error);
  }
  const fault = faultOf(module.default);
  if (fault !== undefined) throw refuse(fault);
  return module.default as Recipe;
}

const requiredFields = { name: 'string', summary: 'string', stages: 'function' } as const;

function faultOf(recipe: unknown): string | undefined {
  if (recipe === undefined) return 'it has no default export';
  if (typeof recipe !== 'object' || recipe === null) return 'its default export is no recipe';
  for (const [name, type] of Object.entries(requiredFields)) {
    const value = (recipe as Record<string, unknown>)[name];
    if (typeof value !== type) return `its recipe has no "${name}" (a ${type})`;
  }
  const { name, config } = recipe as Recipe;
  // Not instanceof: a recipe may come with a zod of its own.
  if (typeof config?.safeParse !== 'function' || typeof config.shape !== 'object')
    return 'its recipe has no "config" (a z.object of its settings)';
  return /^[\w-]+$/.test(name) ? undefined : `"${name}" cannot be its name: use letters, digits and hyphens`;
}
