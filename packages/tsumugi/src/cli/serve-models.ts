// Which models `tsumugi serve` serves, and under which names.
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { ConfigError, cacheFolder, contentHash } from '../base/index.ts';
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
  readonly template?: string | undefined;
  readonly dtype: DType;
}

/** @throws ConfigError for names that cannot be told apart, HubError for a name that is none of the hub's */
export async function servedPlaces(
  { model, name, adapter, template, dtype }: ModelWords,
  io: Io,
): Promise<ServedPlace[]> {
  if (name !== undefined && model.length > 1)
    throw new ConfigError('one-name', `--name is one name, and there are ${model.length} models`, {
      remedy: 'Write --model NAME=DIR for each.',
      fields: { option: '--name' },
    });
  const places: ServedPlace[] = [];
  for (const words of model) {
    const [own, place] = named(words);
    const folder = place.endsWith('.gguf') ? await importedFolder(place, io) : await folderOf(place, 'model', io);
    places.push({ name: name ?? own ?? nameOf(place), folder, template, dtype });
  }
  for (const words of adapter) {
    const [own, place] = named(words);
    if (own === undefined)
      throw new ConfigError('bad-option', `--adapter: expected NAME=DIR, got "${words}"`, {
        fields: { option: '--adapter' },
      });
    places.push({ ...places[0]!, name: own, adapter: place });
  }
  return places;
}

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
