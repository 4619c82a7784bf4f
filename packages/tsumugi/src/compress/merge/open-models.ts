// The models of a merge, each opened once: config, weights, tokenizer.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../../base/index.ts';
import { type Plamo2Config, parseConfig, requireDense } from '../../lm/index.ts';
import { Artefact, CONFIG_FILE, hubNameOf, type JsonObject, type Safetensors } from '../../store/index.ts';
import { type OpenedTokenizer, openTokenizer } from '../../text/index.ts';
import type { MergeConfig } from './merge-config.ts';
import type { MergeText } from './read-config.ts';

export interface MergeModel {
  /** As the merge names it. */
  readonly name: string;
  readonly artefact: Artefact;
  /** `config.json` as it is. */
  readonly json: JsonObject;
  readonly config: Plamo2Config;
  readonly weights: Safetensors;
  readonly tokenizer: OpenedTokenizer | undefined;
}

/** The folder of a model of a hub; undefined for what is none, or was not asked for. */
export type KnownModel = (name: string) => string | undefined;

/** Fetches a model of a hub, and gives its folder. */
export type ResolveModel = (name: string) => Promise<string>;

/** Asks for the models of a hub among the names of a merge: those that are no folders. */
export async function knownModels({ config, folder }: MergeText, resolveModel?: ResolveModel): Promise<KnownModel> {
  const found = new Map<string, string>();
  if (resolveModel)
    for (const name of namesIn(config))
      if (!existsSync(resolve(folder, name)) && hubNameOf(name)) found.set(name, await resolveModel(name));
  return (name) => found.get(name);
}

/** Every model that a merge names. */
function namesIn({ models, slices, base_model: base, tokenizer, tokenizer_source: source }: MergeConfig): Set<string> {
  const tokens = Object.values(tokenizer?.tokens ?? {}).flatMap(({ source: from }) =>
    typeof from === 'string' ? [from] : from?.kind === 'model_token' ? [from.model] : [],
  );
  const named = [...(models ?? []), ...(slices ?? []).flatMap(({ sources }) => sources)].map(({ model }) => model);
  const others = [base, source, tokenizer?.source].filter((name) => typeof name === 'string');
  return new Set([...named, ...others, ...tokens]);
}

/**
 * The folder that a merge means: a path, from the folder its YAML lies in.
 *
 * @throws ConfigError for a model of a hub, and for one with an adapter
 */
export function modelPath(name: string, folder: string, knownModel: KnownModel, where = 'the merge'): string {
  const path = resolve(folder, name);
  if (existsSync(path)) return path;
  const known = knownModel(name);
  if (known !== undefined) return known;
  const refuse = (code: string, problem: string, remedy: string) =>
    new ConfigError(code, `${where}: ${problem}`, { remedy, fields: { model: name } });
  const [model, adapter] = name.split('+');
  if (adapter !== undefined && existsSync(resolve(folder, model!)))
    throw refuse(
      'adapter',
      `"${name}" names an adapter, which is not merged here`,
      'Merge the adapter into its model first.',
    );
  if (hubNameOf(name))
    throw refuse(
      'hub-model',
      `"${name}" is no folder here; models of a hub are not downloaded by a merge`,
      `Run "tsumugi pull ${name}" first, and name the folder.`,
    );
  throw refuse('no-model', `there is no model folder ${path}`, 'Paths count from the folder of the YAML file.');
}

export class MergeModels implements Disposable {
  readonly #open = new Map<string, MergeModel>();

  /** @throws DataError, FormatError, ConfigError as for loading a model */
  open(name: string, path: string): MergeModel {
    const found = this.#open.get(path);
    if (found) return found;
    requireDense(path, 'merged');
    const artefact = new Artefact(path);
    const json = artefact.config();
    const config = parseConfig(json, join(path, CONFIG_FILE));
    const tokenizer = artefact.hasTokenizer ? openTokenizer(path) : undefined;
    const model = { name, artefact, json, config, weights: artefact.weights(), tokenizer };
    this.#open.set(path, model);
    return model;
  }

  /** In the order in which they were opened. */
  get all(): readonly MergeModel[] {
    return [...this.#open.values()];
  }

  [Symbol.dispose](): void {
    for (const { weights } of this.#open.values()) weights.close();
  }
}
