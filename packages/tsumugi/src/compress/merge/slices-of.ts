// Models or slices of a merge, opened, as slices.
import { ConfigError } from '../../base/index.ts';
import type { MergeMethodName } from './methods/index.ts';
import { type KnownModel, type MergeModel, type MergeModels, modelPath } from './open-models.ts';
import { methodNamed } from './parameters.ts';
import type { MergeText } from './read-config.ts';
import type { Slice, SliceSource } from './slices.ts';

/** @returns the slices, and the model that config and tokenizer are counted from: the base, or the first that is named */
export function slicesOf(
  { config, folder, where }: MergeText,
  models: MergeModels,
  knownModel: KnownModel,
): { slices: Slice[]; reference: MergeModel } {
  const open = (name: string, place: readonly (string | number)[]) =>
    models.open(name, modelPath(name, folder, knownModel, where(place)));
  const base = config.base_model ? open(config.base_model, ['base_model']) : undefined;
  const takesBase = methodNamed(config.merge_method as MergeMethodName).base !== 'none';
  /** A method that takes no base merges it as one of the models, where it is named as one. */
  const split = (sources: readonly SliceSource[]) => ({
    base: takesBase ? sources.find(({ model }) => model === base) : undefined,
    models: takesBase ? sources.filter(({ model }) => model !== base) : sources,
  });
  if (config.models) {
    const named = config.models.map(
      ({ model, parameters }, i): SliceSource => ({ model: open(model, ['models', i, 'model']), from: 0, parameters }),
    );
    const all =
      base && !named.some(({ model }) => model === base)
        ? [...named, { model: base, from: 0, parameters: undefined }]
        : named;
    const reference = base ?? named[0]!.model;
    const layers = reference.config.num_hidden_layers;
    return { slices: [{ layers, parameters: undefined, ...split(takesBase ? all : named) }], reference };
  }
  const slices = config.slices!.map(({ sources, parameters }, i): Slice => {
    const named = sources.map(({ model: name, layer_range: [from, to], parameters }, j): SliceSource => {
      const place = ['slices', i, 'sources', j];
      const model = open(name, [...place, 'model']);
      const { num_hidden_layers: count } = model.config;
      if (to > count)
        throw new ConfigError(
          'no-such-layer',
          `${where([...place, 'layer_range'])}: ${name} has ${count} layers, the range ends at ${to}`,
          {
            remedy: 'Ranges are [first, one after the last], counted from 0.',
            fields: { model: name, layers: count },
          },
        );
      return { model, from, parameters };
    });
    const layers = sources[0]!.layer_range[1] - sources[0]!.layer_range[0];
    const found = split(named);
    if (!takesBase || !base || found.base) return { layers, parameters, ...found };
    // A base that is not listed has the layers that the others have.
    if (new Set(named.map(({ from }) => from)).size > 1)
      throw new ConfigError(
        'base-range',
        `${where(['slices', i])}: the sources have other ranges, and the base has none`,
        {
          remedy: 'List the base among the sources, with its range.',
        },
      );
    return {
      layers,
      parameters,
      models: found.models,
      base: { model: base, from: named[0]!.from, parameters: undefined },
    };
  });
  return { slices, reference: base ?? slices[0]!.models[0]!.model };
}
