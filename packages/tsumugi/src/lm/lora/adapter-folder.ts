// Adapters in a folder, in PEFT's layout: `adapter_config.json` and `adapter_model.safetensors`, with our `lineage.json`, which knows the
// base by the hash of its content.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError, DataError, FormatError, StagedFolder, suggestion, writingAt } from '../../base/index.ts';
import { freeze, namedParameters } from '../../nn/index.ts';
import {
  ADAPTER_CONFIG_FILE,
  GENERATION_CONFIG_FILE,
  type JsonObject,
  LINEAGE_FILE,
  type Lineage,
  openSafetensors,
  type Safetensors,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  writeJson,
  writeLineage,
  writeSafetensors,
} from '../../store/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { generationConfigOf } from '../config.ts';
import { type SaveModelOptions, tokenizerFiles } from '../folder.ts';
import type { Plamo2 } from '../model.ts';
import { adapt, loraLayers, refuseAdapted } from './add.ts';
import type { LoraLinear, LoraShape } from './layer.ts';
import {
  ADAPTER_WEIGHTS_FILE,
  isTarget,
  type PeftConfig,
  patternValue,
  readPeftConfig,
  renderPeftConfig,
} from './peft-config.ts';
import { linearMaps } from './targets.ts';

/** Before every path in PEFT's files. */
const PREFIX = 'base_model.model.';

export interface SaveAdapterOptions extends Omit<SaveModelOptions, 'maxShardBytes'> {
  /** The base: a folder, or a name on the Hugging Face Hub. Its hash is the first parent in `lineage`. */
  base: string;
}

const isAdapter = (folder: string): boolean => existsSync(join(folder, ADAPTER_CONFIG_FILE));

/**
 * Writes a model's adapters, and what goes with the merged model: tokenizer, chat template, ids that end a text. The folder appears whole or not at all; one that tsumugi wrote is replaced.
 *
 * @throws DataError when something else is at `folder`
 */
export function saveAdapter(folder: string, model: Plamo2, options: SaveAdapterOptions): Lineage {
  const { base, lineage = { stage: 'save' }, tokenizerFolder } = options;
  const layers = loraLayers(model);
  const shapes = [...layers.values()].map(({ shape }) => shape);
  const [first] = shapes;
  if (!first)
    throw new DataError('no-adapters', 'the model has no adapters to save', { remedy: 'Call addLora first.' });
  const differing = <K extends 'rank' | 'alpha'>(key: K) =>
    Object.fromEntries(
      [...layers].flatMap(([path, { shape }]) => (shape[key] === first[key] ? [] : [[escaped(path), shape[key]]])),
    );
  const tensors = [...layers].flatMap(([path, layer]) =>
    namedParameters(layer)
      .filter(([name]) => name.startsWith('lora_'))
      .map(([name, tensor]): [string, Tensor] => [`${PREFIX}${path}.${name}`, tensor]),
  );
  return writingAt(folder, () => {
    using staged = new StagedFolder(folder, (place) => isAdapter(place) && existsSync(join(place, LINEAGE_FILE)));
    const config = renderPeftConfig({
      base_model_name_or_path: base,
      r: first.rank,
      lora_alpha: first.alpha,
      lora_dropout: first.dropout,
      use_rslora: first.rsLora,
      use_dora: first.dora,
      rank_pattern: differing('rank'),
      alpha_pattern: differing('alpha'),
      target_modules: targetNames(model, [...layers.keys()]),
    });
    writeJson(join(staged.path, ADAPTER_CONFIG_FILE), config);
    writeSafetensors(join(staged.path, ADAPTER_WEIGHTS_FILE), tensors);
    writeJson(join(staged.path, GENERATION_CONFIG_FILE), generationConfigOf(model.config) as JsonObject);
    if (tokenizerFolder !== undefined) {
      const { tokenizer, tokenizerConfig } = tokenizerFiles(tokenizerFolder, model.config, options.chatTemplate);
      writeFileSync(join(staged.path, TOKENIZER_FILE), tokenizer);
      if (tokenizerConfig) writeJson(join(staged.path, TOKENIZER_CONFIG_FILE), tokenizerConfig);
    }
    const written = writeLineage(staged.path, lineage);
    staged.commit();
    return written;
  });
}

const escaped = (path: string) => path.replaceAll('.', '\\.');

/** The names of kinds where they mean these layers and no others; otherwise whole paths. */
function targetNames(model: Plamo2, paths: readonly string[]): string[] {
  const own = new Set(paths);
  const kinds = Map.groupBy(linearMaps(model.config), ({ kind }) => kind);
  const whole = [...kinds].filter(([, maps]) => maps.every(({ path }) => own.has(path))).map(([kind]) => kind);
  const rest = paths.filter((path) => !whole.some((kind) => path.endsWith(`.${kind}`) || path === kind));
  return [...whole, ...rest];
}

/** @throws DataError for a folder without an adapter, FormatError for one of a kind that is not read */
export function readAdapterConfig(folder: string): PeftConfig {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found?.isDirectory() || !isAdapter(folder))
    throw new DataError(
      'no-adapter',
      found ? `${folder} is no folder with an ${ADAPTER_CONFIG_FILE}` : `${folder} does not exist`,
      {
        remedy: "Name a folder with an adapter in PEFT's layout, such as OUT/adapter of a training with --lora.",
        fields: { path: folder },
      },
    );
  return readPeftConfig(join(folder, ADAPTER_CONFIG_FILE));
}

/**
 * Freezes a model and gives it the adapters of a folder in PEFT's layout. Which layers have one follows from the tensors.
 *
 * @throws DataError, FormatError for what is no such folder; CheckpointError naming the tensor that does not fit the model: then the
 *   model is as it was
 */
export function loadAdapter(model: Plamo2, folder: string): Map<string, LoraLinear> {
  const config = readAdapterConfig(folder);
  refuseAdapted(model);
  refusePickled(folder);
  using weights = openSafetensors(join(folder, ADAPTER_WEIGHTS_FILE));
  const found = layersOf(folder, config, weights, model);
  freeze(model);
  for (const [path, { shape, tensors }] of found) {
    const layer = adapt(model, path, shape, 0);
    const parameters = new Map(namedParameters(layer));
    noGrad(() =>
      scope(() => {
        for (const [name, stored] of tensors) parameters.get(name)!.copy_(weights.tensor(stored));
      }),
    );
  }
  return loraLayers(model);
}

/** @throws FormatError for weights as older versions of PEFT wrote them: a pickle, which can run code when it is read */
function refusePickled(folder: string): void {
  const old = 'adapter_model.bin';
  if (existsSync(join(folder, ADAPTER_WEIGHTS_FILE)) || !existsSync(join(folder, old))) return;
  throw new FormatError(
    'pickled-weights',
    `${folder} has an ${old}, a pickle, in the place of ${ADAPTER_WEIGHTS_FILE}`,
    {
      remedy: 'Write it again with a new PEFT: PeftModel.from_pretrained, then save_pretrained.',
      fields: { path: join(folder, old) },
    },
  );
}

interface FoundLayer {
  shape: LoraShape;
  /** Names in the file by the layer's own. */
  tensors: Map<string, string>;
}

const AGAIN = 'Get the adapter again from where it came from.';

function layersOf(folder: string, config: PeftConfig, weights: Safetensors, model: Plamo2): Map<string, FoundLayer> {
  const base = config.base_model_name_or_path;
  const other = base ? `It was made for ${base}; name that as --model, or an adapter of this model.` : AGAIN;
  const refuse = (code: string, name: string, fault: string, remedy = AGAIN) =>
    new CheckpointError(code, `${folder}: ${fault}`, { remedy, fields: { path: name, folder } });
  const maps = new Map(linearMaps(model.config).map((map) => [map.path, map]));
  const byPath = new Map<string, Map<string, string>>();
  for (const name of weights.names) {
    const [, path, part] =
      /^base_model\.model\.(.+)\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector)(?:\.weight)?$/.exec(name) ?? [];
    if (path === undefined || part === undefined)
      throw refuse(
        'unexpected-tensor',
        name,
        `"${name}" is no part of a LoRA adapter of a linear map`,
        'Merge the adapter into its base with PEFT (merge_and_unload), and load the merged model.',
      );
    if (!maps.has(path))
      throw refuse(
        'unexpected-tensor',
        name,
        `"${name}" is for a linear map that this model does not have`,
        `${other} ${suggestion(path, [])}`.replace(/ Known: \.$/, ''),
      );
    if (!isTarget(config.target_modules, path))
      throw refuse('unexpected-tensor', name, `"${name}" is not among the target_modules of ${ADAPTER_CONFIG_FILE}`);
    byPath.set(path, (byPath.get(path) ?? new Map<string, string>()).set(part, name));
  }
  if (byPath.size === 0) throw refuse('missing-tensor', '', 'it holds no tensors');
  const dora = config.use_dora ?? false;
  const parts = ['lora_A.weight', 'lora_B.weight', ...(dora ? ['lora_magnitude_vector'] : [])];
  return new Map(
    [...byPath].map(([path, tensors]): [string, FoundLayer] => {
      const { outputs, inputs } = maps.get(path)!;
      const lacking = parts.find((part) => !tensors.has(part));
      if (lacking) throw refuse('missing-tensor', path, `there is no "${PREFIX}${path}.${lacking}"`);
      if (!dora && tensors.has('lora_magnitude_vector'))
        throw refuse('unexpected-tensor', path, `"${path}" has a magnitude vector, but use_dora is not set`);
      const rank = patternValue(config.rank_pattern, path) ?? config.r;
      const wanted = {
        'lora_A.weight': [rank, inputs],
        'lora_B.weight': [outputs, rank],
        lora_magnitude_vector: [outputs],
      };
      for (const [part, name] of tensors) {
        const { shape, dtype } = weights.info(name);
        const expected = wanted[part as keyof typeof wanted];
        if (shape.join() !== expected.join())
          throw refuse(
            'wrong-shape',
            name,
            `"${name}" has the shape [${shape.join(', ')}], and rank ${rank} of this model needs [${expected.join(', ')}]`,
            other,
          );
        if (!/float/.test(dtype))
          throw refuse('wrong-dtype', name, `"${name}" holds ${dtype} values, expected floating-point ones`);
      }
      const alpha = patternValue(config.alpha_pattern, path) ?? config.lora_alpha;
      const shape = { rank, alpha, dropout: config.lora_dropout ?? 0, rsLora: config.use_rslora ?? false, dora };
      return [path, { shape, tensors }];
    }),
  );
}
