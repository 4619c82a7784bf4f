// What a merge is made of, before anything is written: for each tensor of the result its sources and parameters.
import { layerOf, layerPath, type Plamo2Config, parseConfig, tensorShapes, withinLayer } from '../../lm/index.ts';
import type { JsonObject } from '../../store/index.ts';
import { type DType, numBytes, numElements } from '../../torch/index.ts';
import { mappedIds } from '../special-ids.ts';
import { chatTemplate } from './chat-template.ts';
import { checkParameterNames } from './check-parameters.ts';
import { requireCompatible } from './compatibility.ts';
import { type JoinedTokenizer, joinsTokenizers, joinTokenizers } from './join-tokenizers.ts';
import type { MergeConfig } from './merge-config.ts';
import { checkCount } from './merge-tensors.ts';
import type { MergeMethodName } from './methods/index.ts';
import type { ParameterValues } from './methods/method.ts';
import type { KnownModel, MergeModel, MergeModels } from './open-models.ts';
import { methodNamed, parameterValue } from './parameters.ts';
import type { MergeText } from './read-config.ts';
import { resultConfig } from './result-config.ts';
import { SettingReader } from './settings-at.ts';
import { attentionMismatches, outLayers, requirePattern, type Slice, type SliceSource } from './slices.ts';
import { slicesOf } from './slices-of.ts';

export interface PlannedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly base: TensorSource | undefined;
  readonly models: readonly TensorSource[];
  readonly shared: ParameterValues;
  readonly own: readonly ParameterValues[];
}

export interface TensorSource {
  readonly model: MergeModel;
  readonly name: string;
}

export interface MergePlan {
  readonly method: MergeMethodName;
  /** The model that the result is counted from: the base, or the first one named. */
  readonly reference: MergeModel;
  readonly tensors: readonly PlannedTensor[];
  /** `config.json` of the result. */
  readonly config: JsonObject;
  readonly tokenizer: JoinedTokenizer;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly generationConfig: JsonObject | undefined;
  readonly parameters: number;
  readonly bytes: number;
  readonly warnings: readonly string[];
}

/**
 * Opens the models of a merge and checks all that can be checked before tensors are read.
 *
 * @throws ConfigError naming the line of what is wrong in the merge, DataError `merge-mismatch` with everything in which the models
 *   differ, DataError and FormatError for folders and files that are no models
 */
export function planMerge(text: MergeText, models: MergeModels, knownModel: KnownModel = () => undefined): MergePlan {
  const { config, folder, where } = text;
  const method = config.merge_method as MergeMethodName;
  const warnings = checkParameterNames(config, where);
  const { slices, reference } = slicesOf(text, models, knownModel);
  for (const slice of slices) checkCount(method, slice.models.length, slice.base !== undefined);
  const ordered = [reference, ...models.all.filter((model) => model !== reference)];
  const layers = outLayers(slices);
  const joined = joinsTokenizers(config);
  const shape = parseConfig({ ...resultConfig(reference, layers) });
  requirePattern(shape, layers);
  const others = attentionMismatches(shape, layers, reference.name);
  requireCompatible(ordered, { sameTokenizer: !joined, stacked: config.slices !== undefined, others });
  const tokenizer = joinTokenizers({ config, folder, models: ordered, knownModel, where });
  const json = resultConfig(reference, layers, tokenizer);
  const tensors = plannedTensors(config, slices, parseConfig(json), warnings);
  const dtypes = new Set(tensors.map(({ dtype }) => dtype));
  return {
    method,
    reference,
    tensors,
    config: withDType(json, dtypes.size === 1 ? [...dtypes][0]! : 'float32'),
    tokenizer,
    tokenizerConfig: tokenizerConfigOf(config, tokenizer, ordered, where(['chat_template'])),
    generationConfig: generationConfigOf(reference, tokenizer),
    parameters: tensors.reduce((sum, { shape }) => sum + numElements(shape), 0),
    bytes: tensors.reduce((sum, tensor) => sum + numBytes(tensor), 0),
    warnings: [...warnings, ...tokenizer.warnings],
  };
}

/** The place of a tensor: its layer of the slice, or before the first and after the last. */
function placeOf(
  name: string,
  slices: readonly Slice[],
): { slice: Slice; t: number; nameIn(source: SliceSource): string } {
  const number = layerOf(name);
  if (number === undefined) {
    const isFirst = name.includes('embed_tokens');
    return { slice: slices.at(isFirst ? 0 : -1)!, t: isFirst ? 0 : 1, nameIn: () => name };
  }
  const layer = outLayers(slices)[number]!;
  const { slice, index } = layer;
  return {
    slice,
    t: slice.layers > 1 ? index / (slice.layers - 1) : 0,
    nameIn: ({ from }) => layerPath(from + index, withinLayer(name)),
  };
}

function plannedTensors(
  config: MergeConfig,
  slices: readonly Slice[],
  shape: Plamo2Config,
  warnings: string[],
): PlannedTensor[] {
  const name = config.merge_method as MergeMethodName;
  const { shared, own } = methodNamed(name);
  const reader = new SettingReader();
  const tensors = Array.from(tensorShapes(shape), ([tensor, size]): PlannedTensor => {
    const { slice, t, nameIn } = placeOf(tensor, slices);
    const values = (specs: typeof own, levels: Parameters<SettingReader['at']>[0], whose: string): ParameterValues =>
      Object.fromEntries(
        Object.entries(specs).map(([key, spec]) => [
          key,
          parameterValue(name, key, spec, reader.at(levels, key, tensor, t), whose),
        ]),
      );
    const around = [slice.parameters, config.parameters];
    const source = (each: SliceSource): TensorSource => ({ model: each.model, name: nameIn(each) });
    const all = [...(slice.base ? [slice.base] : []), ...slice.models].map(source);
    return {
      name: tensor,
      shape: size,
      dtype: config.out_dtype ?? config.dtype ?? widest(all),
      base: slice.base && source(slice.base),
      models: slice.models.map(source),
      shared: values(shared, around, ` for "${tensor}"`),
      own: slice.models.map(({ model, parameters }) =>
        values(own, [parameters, ...around], ` for ${model.name}, "${tensor}"`),
      ),
    };
  });
  for (const filter of reader.unused(config))
    warnings.push(
      `the filter "${filter}" chooses no tensor${filter.includes('self_attn') ? '; attention and Mamba are called "mixer" in a PLaMo 2' : ''}`,
    );
  return tensors;
}

/** The type that holds what all sources hold. */
function widest(sources: readonly TensorSource[]): DType {
  const found = new Set(sources.map(({ model, name }) => model.weights.info(name).dtype));
  if (found.size === 1) return [...found][0]!;
  return found.has('float64') ? 'float64' : 'float32';
}

const withDType = (json: JsonObject, dtype: DType): JsonObject => ({
  ...json,
  torch_dtype: dtype,
  ...('dtype' in json && { dtype }),
});

function tokenizerConfigOf(
  config: MergeConfig,
  tokenizer: JoinedTokenizer,
  models: readonly MergeModel[],
  where: string,
): JsonObject | undefined {
  if (!config.chat_template) return tokenizer.config;
  const template = chatTemplate(
    config.chat_template,
    models.map(({ artefact }) => artefact.tokenizerConfig()),
    where,
  );
  return template === undefined ? tokenizer.config : { ...tokenizer.config, chat_template: template };
}

function generationConfigOf({ artefact }: MergeModel, { idOf }: JoinedTokenizer): JsonObject | undefined {
  const json = artefact.generationConfig();
  return json && { ...json, ...mappedIds(json, idOf) };
}
