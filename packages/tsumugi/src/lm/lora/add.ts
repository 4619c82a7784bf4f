// Adapters in a model, and out of it again.
import { ConfigError, deriveSeed } from '../../base/index.ts';
import { freeze, Linear, moduleAt, namedModules, replaceModule } from '../../nn/index.ts';
import { Rng } from '../../torch/index.ts';
import type { Plamo2 } from '../model.ts';
import { QuantizedLinear } from '../quantized-linear.ts';
import type { LanguageModel } from '../types.ts';
import { type AdaptedLinear, LoraLinear, type LoraShape, type TextRows } from './layer.ts';
import { checkLora, DEFAULT_TARGETS, type LoraOptions } from './options.ts';
import { resolveTargets } from './targets.ts';

/**
 * Freezes a model and gives the linear maps that are meant adapters, which change nothing until they are trained. Returns the adapters
 * by the paths of their layers. Layers stay as they are stored, quantized ones too.
 *
 * @throws ConfigError for a target that no layer answers to, with the names that there are
 */
export function addLora(model: Plamo2, options: LoraOptions): Map<string, LoraLinear> {
  const shape = checkLora(options);
  const { targets = DEFAULT_TARGETS, layers, seed = 0 } = options;
  const maps = resolveTargets(model.config, { targets, layers });
  refuseAdapted(model);
  freeze(model);
  return new Map(maps.map(({ path }) => [path, adapt(model, path, shape, deriveSeed(seed, 'lora', path))]));
}

/** Gives one layer an adapter. */
export function adapt(model: Plamo2, path: string, shape: LoraShape, seed: number): LoraLinear {
  const layer = new LoraLinear(adaptable(model, path), shape, new Rng(seed, model.parameterDevice));
  replaceModule(model, path, layer);
  return layer;
}

/** @throws ConfigError when the layer is more than a weight: what an adapter adds would not be all that it does */
function adaptable(model: Plamo2, path: string): AdaptedLinear {
  const layer = moduleAt(model, path);
  if (layer instanceof QuantizedLinear || (layer instanceof Linear && layer.isBareWeight)) return layer;
  throw new ConfigError(
    'not-adaptable',
    `"${path}" cannot get an adapter: it is more than the weight of a linear map`,
    {
      remedy: 'Name other targets.',
      fields: { path },
    },
  );
}

/** @throws ConfigError when a model has adapters */
export function refuseAdapted(model: Plamo2): void {
  if (loraLayers(model).size === 0) return;
  throw new ConfigError('has-adapters', 'the model has adapters already', {
    remedy: 'Merge them first (mergeLora), or load the model again.',
  });
}

/** The adapters in a model, by the paths of their layers. */
export const loraLayers = (model: Plamo2): Map<string, LoraLinear> =>
  new Map([...namedModules(model)].filter((entry): entry is [string, LoraLinear] => entry[1] instanceof LoraLinear));

const dropoutSeed = (seed: number, step: number, path: string) => deriveSeed(seed, 'lora dropout', step, path);

/** Sets what dropout draws in step `step` (from 0): a run that goes on from there draws the same. */
export function seedDropout(model: Plamo2, seed: number, step: number): void {
  for (const [path, layer] of loraLayers(model))
    if (layer.shape.dropout > 0) layer.dropFrom(new Rng(dropoutSeed(seed, step, path), model.parameterDevice));
  stepOf.set(model, { seed, step });
}

/** The step that dropout of a model was seeded for last. */
const stepOf = new WeakMap<Plamo2, { seed: number; step: number }>();

/**
 * Tells adapters which texts the rows that go through next are of. What dropout drops of a text follows then from seed, step, layer and its
 * tokens: it is the same however texts lie in rows, in whatever micro-batch, and on whatever rank. A head whose inputs are not whole rows
 * draws from a stream as before.
 */
export function placeDropout(
  model: LanguageModel,
  { rows, columns, placed }: Pick<TextRows, 'rows' | 'columns'> & { placed: readonly PlacedText[] },
): void {
  const known = stepOf.get(model as Plamo2);
  const layers = [...loraLayers(model as Plamo2)].filter(([, { shape }]) => shape.dropout > 0);
  if (!known || layers.length === 0) return;
  const places = placed.map(({ row, column, example: { ids } }) => ({
    row,
    column,
    length: ids.length,
    key: deriveSeed(0, ids.join()),
  }));
  for (const [path, layer] of layers)
    layer.dropByText(dropoutSeed(known.seed, known.step, path), { rows, columns, places });
}

/** A text, and where it lies. */
export interface PlacedText {
  example: { readonly ids: Int32Array };
  row: number;
  column: number;
}

/**
 * Puts into the place of each adapter a linear map that does the same: W + s·B A, DoRA's with its magnitudes. The weight has the type
 * of W; a quantized W becomes float32. The base's own weight is not changed, it may be the pages of a file.
 */
export function mergeLora(model: Plamo2): void {
  for (const [path, layer] of loraLayers(model)) {
    const { base_layer: base } = layer;
    const merged = layer.mergedWeight();
    const weight = base instanceof QuantizedLinear ? merged : merged.to(base.weight.dtype);
    if (weight !== merged) merged.dispose();
    const [outputs, inputs] = weight.shape as [number, number];
    replaceModule(model, path, new Linear(inputs, outputs, { weight, bias: false })).dispose();
  }
}
