// What the HTTP thread has to know of a model, read from its folder: no weights.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  adaptedConfig,
  endIds,
  loadTokenizer,
  type Plamo2Config,
  readModelConfig,
  templateFolder,
} from '../lm/index.ts';
import { Artefact, CONFIG_FILE } from '../store/index.ts';
import { findTemplate, type Tokenizer, templateStopIds } from '../text/index.ts';
import type { CallSampling } from './answer/call.ts';
import type { ModelPlace } from './engine-thread/protocol.ts';
import type { ServedModel } from './served-model.ts';

export interface OpenModelOptions {
  /** A chat template in the place of the model's own: a name, or a file that ends in .jinja. */
  readonly template?: string | undefined;
  /** Tokens of a text at most, where the model could take more. */
  readonly contextTokens: number;
}

/** @throws whatever reading a model folder does */
export function openModel(place: ModelPlace, options: OpenModelOptions, known?: ServedModel): ServedModel {
  const { folder, adapter, name } = place;
  const config = adapter === undefined ? readModelConfig(new Artefact(folder)) : adaptedConfig(folder, adapter);
  // An adapter has its base's tokenizer.
  const tokenizer = known?.place.folder === folder ? known.tokenizer : loadTokenizer(folder, config);
  const template = findTemplate(templateFolder(folder, adapter), tokenizer, options.template);
  return {
    ...{ name, place, config, tokenizer, template },
    contextTokens: Math.min(config.max_position_embeddings, options.contextTokens),
    sampling: samplingOf(folder),
    endIds: endsOf(config, tokenizer, template),
    created: Math.floor(statSync(join(folder, CONFIG_FILE)).mtimeMs / 1000),
  };
}

const endsOf = (config: Plamo2Config, tokenizer: Tokenizer, template: ServedModel['template']): number[] => [
  ...new Set([...endIds(tokenizer, config), ...(template ? templateStopIds(template, tokenizer) : [])]),
];

/** What generation_config.json says of how tokens are chosen. What cannot be is left out: the file is of others. */
function samplingOf(folder: string): CallSampling {
  const config = new Artefact(folder).generationConfig() ?? {};
  const number = (name: string, least: number, most: number): number | undefined => {
    const value = config[name];
    return typeof value === 'number' && value >= least && value <= most ? value : undefined;
  };
  // Transformers' `do_sample: false` takes the likeliest token, whatever the others say.
  if (config['do_sample'] === false && number('temperature', 0, 100) !== undefined) return { temperature: 0 };
  const topK = number('top_k', 0, Number.MAX_SAFE_INTEGER);
  return {
    temperature: number('temperature', 0, 100),
    topP: number('top_p', 0, 1),
    topK: Number.isInteger(topK) ? topK : undefined,
    minP: number('min_p', 0, 1),
    repetitionPenalty: number('repetition_penalty', 0.01, 100),
  };
}
