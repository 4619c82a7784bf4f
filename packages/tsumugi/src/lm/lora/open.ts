// A base and its adapter, as whoever uses them together opens them.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, readJsonValue } from '../../base/index.ts';
import {
  ADAPTER_CONFIG_FILE,
  Artefact,
  GENERATION_CONFIG_FILE,
  HashedFiles,
  type JsonObject,
  readLineage,
  readTokenizerConfig,
} from '../../store/index.ts';
import { templatesOf } from '../../text/index.ts';
import type { Plamo2Config } from '../config.ts';
import { type LoadModelOptions, loadModel, readModelConfig, withEnds } from '../folder.ts';
import type { Plamo2 } from '../model.ts';
import { loadAdapter, readAdapterConfig } from './adapter-folder.ts';
import { ADAPTER_WEIGHTS_FILE } from './peft-config.ts';

/** The base that an adapter names. @throws DataError when it names none */
export function baseOf(adapter: string): string {
  const base = readAdapterConfig(adapter).base_model_name_or_path;
  if (base) return base;
  throw new DataError('no-base', `the adapter in ${adapter} does not say which model it is for`, {
    remedy: 'Name its base with --model DIR.',
    fields: { path: adapter },
  });
}

/** The hash of an adapter's two files. */
export async function adapterHash(adapter: string): Promise<string> {
  const names = [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE];
  return (await HashedFiles.of(new Map(names.map((name) => [name, join(adapter, name)])))).hash;
}

/** Where the chat template of a model lies: beside an adapter that learned one, which may have it without a tokenizer, or the reverse. */
export const templateFolder = (folder: string, adapter: string | undefined): string =>
  adapter !== undefined && templatesOf(readTokenizerConfig(adapter)).size > 0 ? adapter : folder;

/** @throws DataError when the adapter's lineage says that it was trained on a base of another content */
export async function requireBase(adapter: string, base: string): Promise<void> {
  const parent = readLineage(adapter)?.parents[0];
  if (!parent) return; // an adapter of others: its shapes are compared
  const found = await new Artefact(base).hash();
  if (found === parent.sha256) return;
  throw new DataError('other-base', `the adapter in ${adapter} was trained on another model than ${base}`, {
    remedy: `Give it the one it was trained on, ${parent.name}, as it was then.`,
    fields: { adapter, base, expected: parent.sha256, found },
  });
}

/**
 * A model with the adapters of a folder on it, in evaluation mode. Its texts end as the adapter learned to end them.
 *
 * @throws DataError when the adapter was trained on another base, and whatever `loadModel` and `loadAdapter` do
 */
export async function loadAdapted(base: string, adapter: string, options: LoadModelOptions = {}): Promise<Plamo2> {
  await requireBase(adapter, base);
  const config = options.config ?? adaptedConfig(base, adapter);
  const model = loadModel(base, { ...options, config });
  try {
    loadAdapter(model, adapter);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model.eval();
}

/** The config of a base whose texts end as an adapter learned to end them. */
export function adaptedConfig(base: string, adapter: string): Plamo2Config {
  const config = readModelConfig(new Artefact(base));
  const file = join(adapter, GENERATION_CONFIG_FILE);
  if (!existsSync(file)) return config;
  return withEnds(config, readJsonValue(file) as JsonObject, file);
}
