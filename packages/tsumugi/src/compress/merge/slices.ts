// Which layers of which models become which layer of the result.
import { ConfigError } from '../../base/index.ts';
import { isMamba, type Plamo2Config, ropeBaseOf, windowOf } from '../../lm/index.ts';
import type { JsonObject } from '../../store/index.ts';
import type { ParameterSettings } from './merge-config.ts';
import type { MergeModel } from './open-models.ts';

export interface SliceSource {
  readonly model: MergeModel;
  /** Its first layer. */
  readonly from: number;
  readonly parameters: ParameterSettings | null | undefined;
}

/** Layers that follow each other, from the same models. */
export interface Slice {
  readonly layers: number;
  readonly base: SliceSource | undefined;
  /** The base not among them. */
  readonly models: readonly SliceSource[];
  readonly parameters: ParameterSettings | null | undefined;
}

/** One layer of the result: its slice, its place in it. */
export interface OutLayer {
  readonly slice: Slice;
  readonly index: number;
}

export const outLayers = (slices: readonly Slice[]): OutLayer[] =>
  slices.flatMap((slice) => Array.from({ length: slice.layers }, (_, index) => ({ slice, index })));

const sourcesOf = ({ slice: { base, models }, index }: OutLayer): { model: MergeModel; layer: number }[] =>
  [...(base ? [base] : []), ...models].map(({ model, from }) => ({ model, layer: from + index }));

/** The keys of config.json that follow from the layers: as in the model they are counted from, unless they were stacked. */
export function stackedKeys({ config }: MergeModel, layers: readonly OutLayer[]): JsonObject {
  const full = layers.flatMap((layer, i) => {
    const [first] = sourcesOf(layer);
    return isFull(first!.model.config, first!.layer) ? [i] : [];
  });
  const isSame = layers.length === config.num_hidden_layers && full.join() === config.full_attention_idx.join();
  return isSame ? {} : { num_hidden_layers: layers.length, full_attention_idx: full };
}

const isFull = (config: Plamo2Config, layer: number) => !isMamba(config, layer) && windowOf(config, layer) === null;
const kindOf = (mamba: boolean) => (mamba ? 'Mamba' : 'attention');

/** @throws ConfigError naming the first layer of the result that would be of the wrong kind */
export function requirePattern(config: Plamo2Config, layers: readonly OutLayer[]): void {
  for (const [i, layer] of layers.entries())
    for (const source of sourcesOf(layer)) {
      const [wanted, found] = [isMamba(config, i), isMamba(source.model.config, source.layer)];
      if (wanted === found) continue;
      throw new ConfigError(
        'merge-layer-pattern',
        `layer ${i} of the result is ${kindOf(wanted)}, but layer ${source.layer} of ${source.model.name} is ${kindOf(found)}`,
        {
          remedy: `Begin and end the ranges so that every ${config.mamba_step} layers stay together; the last layer of a PLaMo 2 is attention.`,
          fields: { layer: i, source: source.layer, model: source.model.name },
        },
      );
    }
}

/** Windows and RoPE bases of attention layers that are not those of the result, in words. */
export function attentionMismatches(config: Plamo2Config, layers: readonly OutLayer[], reference: string): string[] {
  const found = new Map<string, string>();
  for (const [i, layer] of layers.entries())
    for (const { model, layer: from } of sourcesOf(layer)) {
      if (isMamba(config, i) || isMamba(model.config, from)) continue;
      const pairs = [
        ['window', windowOf(config, i) ?? 'full', windowOf(model.config, from) ?? 'full'],
        ['RoPE base', ropeBaseOf(config, i), ropeBaseOf(model.config, from)],
      ] as const;
      for (const [what, wanted, is] of pairs)
        if (wanted !== is && !found.has(`${model.name} ${what}`))
          found.set(
            `${model.name} ${what}`,
            `${model.name}: the ${what} of layer ${from} is ${is}, of ${reference} ${wanted}`,
          );
    }
  return [...found.values()];
}
