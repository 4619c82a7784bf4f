// Model folders: a PLaMo 2 model from `config.json` and safetensors, and back. Weights are mapped into memory, so a model
// loads in no time and its pages are read when they are first used.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CheckpointError, checkOptions, invariant, nearest, type OptionNames, UserError } from '../base/index.ts';
import { namedModules, namedParameters } from '../nn/index.ts';
import {
  Artefact,
  CONFIG_FILE,
  GENERATION_CONFIG_FILE,
  type JsonObject,
  type Lineage,
  type Provenance,
  readTokenizerConfig,
  type Safetensors,
  writeArtefact,
} from '../store/index.ts';
import { readTokenizerFiles, Tokenizer } from '../text/index.ts';
import { type Device, type DType, factoryDevice, scope, type Tensor } from '../torch/index.ts';
import {
  generationConfigOf,
  generationEnds,
  isRewardConfig,
  type Plamo2Config,
  parseConfig,
  publishedConfig,
  tokenIds,
} from './config.ts';
import { Plamo2 } from './model.ts';
import { QuantizedLinear } from './quantized-linear.ts';
import { putQuantized, type QuantizedWeights, quantizedDType, quantizedWeights, standIn } from './quantized-weights.ts';
import { paddedVocabulary, tensorShapes } from './tensor-shapes.ts';

export interface LoadModelOptions {
  /** Where the parameters go. Default: the CPU. */
  device?: Device | undefined;
  /** What the parameters become. Default: as they are in the file. */
  dtype?: DType | undefined;
  /** The matrices stay as they are in the file, mapped into memory, and only the rest becomes `dtype`: for a base that is not trained. */
  storedMatrices?: boolean | undefined;
  /** The folder's weights, opened; they stay open. */
  weights?: Safetensors | undefined;
  /** In place of the config in the folder, e.g. with other ids that end a text. */
  config?: Plamo2Config | undefined;
}

/**
 * Loads a model folder in the published layout, with one weight file or several. Matrices that are kept in few bits (GPTQ, AWQ, FP8)
 * stay so, and are made numbers when they are used.
 *
 * @throws DataError when it is no model folder, ConfigError for its config.json, FormatError for malformed weights,
 *   CheckpointError naming the tensor that is missing, not part of the model, or of another shape than the config says
 */
export function loadModel(folder: string, options: LoadModelOptions = {}): Plamo2 {
  checkOptions('loadModel', options, loadOptions);
  return loadWith(folder, options.config ?? readModelConfig(new Artefact(folder)), options);
}

const loadOptions: OptionNames<LoadModelOptions> = {
  device: true,
  dtype: true,
  storedMatrices: true,
  weights: true,
  config: true,
};

/** `loadModel` with this config, of a folder whose weights have these besides the model's, by name and shape. */
export function loadWith(
  folder: string,
  config: Plamo2Config,
  options: Omit<LoadModelOptions, 'config'>,
  beside: ReadonlyMap<string, readonly number[]> = new Map(),
): Plamo2 {
  const artefact = new Artefact(folder);
  using opened = options.weights ? undefined : artefact.weights();
  const weights = options.weights ?? opened!;
  const { matrices, shapes, integers } = quantizedWeights(artefact, weights, tensorShapes(config));
  checkWeights(folder, weights, { shapes: new Map([...shapes, ...beside]), integers }, config);
  const device = options.device ?? factoryDevice();
  const dtype = options.dtype ?? (matrices.length > 0 ? quantizedDType : undefined);
  const targetsOf = (name: string) =>
    dtype === undefined || (options.storedMatrices && isMatrix(name)) ? [device] : [dtype, device];
  const replaced = new Set(matrices.map(({ path }) => `${path}.weight`));
  const model = new Plamo2(config, (name, shape) =>
    replaced.has(name) ? standIn(shape) : scope(() => weights.tensor(name).to(...targetsOf(name))),
  );
  try {
    putQuantized(model, weights, matrices, device);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

/**
 * `config.json`, with the ids of `generation_config.json` that end a text as well.
 *
 * @throws FormatError when a file is no JSON object, ConfigError naming the key and what it holds, UserError for a reward model
 */
export function readModelConfig(artefact: Artefact): Plamo2Config {
  if (isRewardConfig(artefact.config()))
    throw new UserError(
      'reward-model',
      `${artefact.path} is a reward model: it gives answers a reward, and writes none`,
      {
        remedy:
          'Name a language model here, such as the one that the reward model was made of; loadRewardModel opens this one.',
        fields: { path: artefact.path },
      },
    );
  return readAnyConfig(artefact);
}

/** `readModelConfig`, of a reward model, too. */
export function readAnyConfig(artefact: Artefact): Plamo2Config {
  const config = parseConfig(artefact.config(), join(artefact.path, CONFIG_FILE));
  return withEnds(config, artefact.generationConfig(), join(artefact.path, GENERATION_CONFIG_FILE));
}

/** A config whose texts end as a generation config says, too. @throws ConfigError naming the key and what it holds */
export function withEnds(config: Plamo2Config, generation: JsonObject | undefined, place: string): Plamo2Config {
  const more = generationEnds(generation, place);
  const ends = new Set(tokenIds(config.eos_token_id));
  return more.every((id) => ends.has(id)) ? config : { ...config, eos_token_id: [...ends.union(new Set(more))] };
}

const isMatrix = (name: string) => /(_proj|embed_tokens|lm_head)\.weight$/.test(name);

const AGAIN = 'Get the weights again from where the model came from.';
const isQkNorm = (name: string) => /\.[qk]_weight$/.test(name);

function checkWeights(
  folder: string,
  weights: Safetensors,
  { shapes, integers }: Pick<QuantizedWeights, 'shapes' | 'integers'>,
  config: Plamo2Config,
): void {
  const refuse = (code: string, path: string, fault: string, remedy: string) =>
    new CheckpointError(code, `${folder}: ${fault}`, { remedy, fields: { path, folder } });
  // A tied model's file may hold the head once more. It is compared below.
  const spare = config.tie_word_embeddings && weights.has(HEAD) ? HEAD : undefined;
  const unexpected = weights.names.filter((name) => !shapes.has(name) && name !== spare);
  for (const [name, shape] of shapes) {
    if (weights.has(name)) continue;
    const near = nearest(name, unexpected);
    throw refuse(
      'missing-tensor',
      name,
      `the weights lack "${name}" [${shape.join(', ')}]`,
      name === HEAD
        ? 'Set "tie_word_embeddings" to true in config.json, or add the head.'
        : near
          ? `Is "${near}" meant? Rename it, or get the folder again.`
          : isQkNorm(name)
            ? 'Set "qk_norm" to false in config.json if the model was trained without it; or get the folder again.'
            : 'Check that config.json and the weights belong together.',
    );
  }
  for (const name of unexpected) {
    const shape = weights.info(name).shape.join(', ');
    throw refuse(
      'unexpected-tensor',
      name,
      `the weights hold "${name}" [${shape}], which the model in config.json does not have`,
      isQkNorm(name) && !config.qk_norm
        ? 'Set "qk_norm" to true in config.json, or take it out.'
        : 'Check that config.json and the weights belong together.',
    );
  }
  for (const [name, expected] of shapes) {
    const { shape, dtype } = weights.info(name);
    if (shape.join() !== expected.join()) {
      const [found, wanted] = [shape.join(', '), expected.join(', ')];
      throw refuse(
        'wrong-shape',
        name,
        `"${name}" has the shape [${found}] in the weights, but config.json asks for [${wanted}]`,
        'Check that config.json and the weights belong together.',
      );
    }
    if (integers.has(name) ? !/^u?int/.test(dtype) : !/^b?float(16|32|64)$/.test(dtype)) {
      if (integers.has(name))
        throw refuse('wrong-dtype', name, `"${name}" holds ${dtype} values, expected integers`, AGAIN);
      const remedy = 'Get the weights in a floating-point format.';
      throw refuse('wrong-dtype', name, `"${name}" holds ${dtype} values, expected floating-point ones`, remedy);
    }
  }
  if (spare === undefined) return;
  const { shape } = weights.info(spare);
  const { vocab_size: V, hidden_size: D } = config;
  const padded = paddedVocabulary(config);
  if (shape.join() !== [V, D].join() && shape.join() !== [padded, D].join())
    throw refuse(
      'wrong-shape',
      spare,
      `"${spare}" has the shape [${shape.join(', ')}] in the weights, but config.json asks for [${padded}, ${D}]`,
      'Check that config.json and the weights belong together.',
    );
  const row = firstDifference(weights, V);
  if (row === undefined) return;
  const embed = 'take the head out of the file to use the embedding for both';
  throw refuse(
    'untied-head',
    spare,
    `config.json ties the head to the embedding, but "${spare}" in the weights differs from it (first in row ${row})`,
    shape[0] === padded
      ? `Set "tie_word_embeddings" to false in config.json to use the head; or ${embed}.`
      : `${embed[0]!.toUpperCase()}${embed.slice(1)}.`,
  );
}

const HEAD = 'lm_head.weight';
/** Rows that are compared at a time. */
const COMPARED = 4096;

/** The first of `rows` in which the head is not the embedding; undefined when they are equal. */
function firstDifference(weights: Safetensors, rows: number): number | undefined {
  for (let start = 0; start < rows; start += COMPARED) {
    const row = scope(() => {
      const [head, embedding] = [HEAD, 'model.embed_tokens.weight'].map((name) =>
        weights.tensor(name).narrow(0, start, Math.min(COMPARED, rows - start)),
      ) as [Tensor, Tensor];
      const differs = head.ne(embedding.to(head.dtype)).any(1);
      return differs.any().item() ? differs.to('uint8').argmax(0).item() : undefined;
    });
    if (row !== undefined) return start + row;
  }
  return undefined;
}

/**
 * The tokenizer in a model folder.
 *
 * @param config the model's, when it is already known; otherwise read from the folder
 * @throws DataError when there is none, FormatError when it is malformed or has more pieces than the model has rows
 */
export function loadTokenizer(folder: string, config?: Plamo2Config): Tokenizer {
  const modelVocabSize = (config ?? readModelConfig(new Artefact(folder))).vocab_size;
  return Tokenizer.load(folder, { modelVocabSize });
}

export interface SaveModelOptions {
  /** A folder (or tokenizer.jsonl) whose tokenizer goes with the model. */
  tokenizerFolder?: string | undefined;
  /** Jinja: the chat template that goes with it. Default: the one in `tokenizerFolder`, if it has one. */
  chatTemplate?: string | undefined;
  /** What is known of the model's origin. */
  lineage?: Provenance | undefined;
  /** Weights larger than this are spread over several files. Default: 5 GB. */
  maxShardBytes?: number | undefined;
}

const saveOptions: OptionNames<SaveModelOptions> = {
  tokenizerFolder: true,
  chatTemplate: true,
  lineage: true,
  maxShardBytes: true,
};
const saveHints = { tokenizer: 'Write { tokenizerFolder }, the folder that writeTokenizer wrote.' };

/**
 * Writes a model folder in the published layout. It appears whole or not at all; a model folder written before is replaced.
 * Returns what was recorded in `lineage.json`.
 *
 * @throws DataError when something else is at `folder` or there is no tokenizer in `tokenizerFolder`, FormatError when that
 *   tokenizer has more pieces than the model has rows
 */
export function saveModel(folder: string, model: Plamo2, options: SaveModelOptions = {}): Lineage {
  checkOptions('saveModel', options, saveOptions, saveHints);
  return saveWith(folder, model, options);
}

/** What a folder has besides a language model's: tensors by name and shape, and keys of config.json in place of its own. */
export interface BesideModel {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly config: JsonObject;
}

/** `saveModel` of a model that has more than a language model. */
export function saveWith(folder: string, model: Plamo2, options: SaveModelOptions, beside?: BesideModel): Lineage {
  const { config } = model;
  const tensors = namedParameters(model);
  const shapes = new Map([...tensorShapes(config), ...(beside?.shapes ?? [])]);
  const quantized = [...namedModules(model)].find(([, module]) => module instanceof QuantizedLinear);
  if (quantized)
    throw new UserError('quantized-model', `the model's "${quantized[0]}" is quantized, which is not written again`, {
      remedy: 'Copy the folder that it was loaded from; "tsumugi quantize" makes such folders.',
    });
  invariant(
    tensors.length === shapes.size &&
      tensors.every(([name, tensor]) => tensor.shape.join() === shapes.get(name)?.join()),
    'the model has the tensors that its config says',
  );
  return writeArtefact(folder, {
    config: { ...(publishedConfig(config) as JsonObject), torch_dtype: tensors[0]![1].dtype, ...beside?.config },
    tensors,
    ...(options.tokenizerFolder !== undefined && tokenizerFiles(options.tokenizerFolder, config, options.chatTemplate)),
    generationConfig: generationConfigOf(config) as JsonObject,
    lineage: options.lineage ?? { stage: 'save' },
    maxShardBytes: options.maxShardBytes,
  });
}

/** The content of the tokenizer's files, after a look at whether they fit the model. */
export function tokenizerFiles(
  place: string,
  config: Plamo2Config,
  template: string | undefined,
): { tokenizer: Buffer; tokenizerConfig?: JsonObject } {
  const { path, pieces } = readTokenizerFiles(place);
  Tokenizer.fromPieces(pieces, { modelVocabSize: config.vocab_size, source: path });
  const own = readTokenizerConfig(dirname(path));
  const tokenizerConfig = template === undefined ? own : { ...own, chat_template: template };
  return { tokenizer: readFileSync(path), ...(tokenizerConfig && { tokenizerConfig }) };
}
