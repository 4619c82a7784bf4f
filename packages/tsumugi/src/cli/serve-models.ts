// Which models `tsumugi serve` serves, and under which names.
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { ConfigError, cacheFolder, contentHash, nearest } from '../base/index.ts';
import { importGguf, importGgufConfig } from '../compress/index.ts';
import { codeCommit } from '../run/index.ts';
import type { ServedPlace } from '../serve/index.ts';
import type { DType } from '../torch/index.ts';
import { folderOf } from './hub-folder.ts';
import type { Io } from './io.ts';
import { ProgressLine } from './progress.ts';

export interface ModelWords {
  readonly model: readonly string[];
  readonly name?: string | undefined;
  readonly adapter: readonly string[];
  readonly draft: readonly string[];
  readonly template?: string | undefined;
  readonly dtype: DType;
}

/** @throws ConfigError for names that cannot be told apart or are of no model, HubError for a name that is none of the hub's */
export async function servedPlaces(words: ModelWords, io: Io): Promise<ServedPlace[]> {
  const models = await modelPlaces(words, io);
  const places = [...models, ...words.adapter.map((each) => adapterPlace(each, models))];
  const drafts = new Map<ServedPlace, string>();
  for (const each of words.draft) {
    const [name, folder] = named(each);
    const place = placeOf(places, name, '--draft');
    if (drafts.has(place))
      throw new ConfigError('bad-option', `--draft: two drafts are to guess for ${place.name}`, {
        remedy: 'Leave one out, or name the model of each: --draft NAME=DIR.',
        fields: { option: '--draft' },
      });
    drafts.set(place, await folderAt(folder, io));
  }
  return places.map((place) => (drafts.has(place) ? { ...place, draft: drafts.get(place) } : place));
}

async function modelPlaces({ model, name, template, dtype }: ModelWords, io: Io): Promise<ServedPlace[]> {
  if (name !== undefined && model.length > 1)
    throw new ConfigError('one-name', `--name is one name, and there are ${model.length} models`, {
      remedy: 'Write --model NAME=DIR for each.',
      fields: { option: '--name' },
    });
  const places: ServedPlace[] = [];
  for (const words of model) {
    const [own, place] = named(words);
    places.push({ name: name ?? own ?? nameOf(place), folder: await folderAt(place, io), template, dtype });
  }
  return places;
}

/** "polite=adapters/polite" stands on the first model, "polite=ja=adapters/polite" on the one that is served as ja. */
function adapterPlace(words: string, models: readonly ServedPlace[]): ServedPlace {
  const [own, place] = named(words);
  if (own === undefined)
    throw new ConfigError('bad-option', `--adapter: expected NAME=DIR or NAME=MODEL=DIR, got "${words}"`, {
      fields: { option: '--adapter' },
    });
  const [base, adapter] = named(place);
  return { ...placeOf(models, base, '--adapter'), name: own, adapter };
}

/** The one of that name; the first where none is named. */
function placeOf(places: readonly ServedPlace[], name: string | undefined, option: string): ServedPlace {
  if (name === undefined) return places[0]!;
  const found = places.find((each) => each.name === name);
  if (found) return found;
  const names = places.map((each) => each.name);
  const near = nearest(name, names);
  throw new ConfigError('no-model', `${option}: no model is served as "${name}"`, {
    remedy: `${near === undefined ? `Served: ${names.join(', ')}.` : `Did you mean "${near}"?`} A path with = in it begins with ./`,
    fields: { option, received: name, expected: names },
  });
}

/** A folder, one of the hub's, or the one that a GGUF file is made into. */
const folderAt = (place: string, io: Io): Promise<string> =>
  place.endsWith('.gguf') ? importedFolder(place, io) : folderOf(place, 'model', io);

/** "ja=models/ja" → ja, models/ja. A path with a = in it is written with ./ in front. */
function named(words: string): [name: string | undefined, place: string] {
  const [, name, place] = /^([\w.:@-]+)=(.+)$/.exec(words) ?? [];
  return place === undefined ? [undefined, words] : [name, place];
}

/** The last folder that says something: runs keep their models in `<out>/model`. */
function nameOf(place: string): string {
  const path = resolve(place);
  const last = basename(path).replace(/\.gguf$/, '');
  return last === 'model' ? basename(dirname(path)) : last;
}

/** A GGUF file as a folder in float32, which is kept in the user's cache. */
async function importedFolder(file: string, io: Io): Promise<string> {
  if (!existsSync(file))
    throw new ConfigError('no-file', `there is no file ${file}`, { fields: { option: '--model', path: file } });
  const folder = cacheFolder('gguf', await contentHash(file));
  if (existsSync(folder)) return folder;
  io.stderr.write(`importing ${file} into ${folder}\n`);
  using line = new ProgressLine(io.stderr, 'import');
  await importGguf(importGgufConfig.parse({ model: file, out: folder }), {
    onProgress: (done, total) => line.update(done / total),
    pause: async () => {},
    commit: codeCommit(),
  });
  return folder;
}
