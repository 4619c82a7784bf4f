// From the settings to the config of the larger model, and where its layers and channels come from.
import { isMamba, type Plamo2Config } from '../../lm/index.ts';
import { type Axis, channelsOf } from '../reshape/axes.ts';
import type { ChannelMap } from '../reshape/channel-map.ts';
import { layersOfUnit, withLayers } from '../reshape/layers.ts';
import type { Reshape } from '../reshape/reshape.ts';
import { resizedConfig } from '../reshape/target.ts';
import type { GrowSettings } from './grow-config.ts';

/**
 * Heads grow by whole groups, unless both of their keys are given: every copy of a key/value head has copies of all its query heads.
 *
 * @throws ConfigError naming the key that cannot be raised so far
 */
export function grownConfig(before: Plamo2Config, settings: GrowSettings): Plamo2Config {
  const after = resizedConfig(before, settings, 'grow');
  return withLayers(after, before, grownLayers(before, after).layers);
}

/** New groups of layers are spread evenly (LLaMA-Pro, arXiv 2401.02415), each after the one it is a copy of. */
function grownLayers(before: Plamo2Config, after: Plamo2Config): { layers: number[]; added: Set<number> } {
  const unit = layersOfUnit(before);
  const units = Math.floor(before.num_hidden_layers / unit);
  const more = (after.num_hidden_layers - before.num_hidden_layers) / unit;
  const copies = new Array<number>(units).fill(0);
  for (let k = 0; k < more; k++) copies[Math.ceil(((k + 1) * units) / more) - 1]!++;
  const layers: number[] = [];
  const added = new Set<number>();
  for (let first = 0; first < before.num_hidden_layers; first += unit) {
    const members = Array.from({ length: Math.min(unit, before.num_hidden_layers - first) }, (_, i) => first + i);
    layers.push(...members);
    for (let copy = 0; copy < (copies[first / unit] ?? 0); copy++)
      for (const member of members) added.add(layers.push(member) - 1);
  }
  return { layers, added };
}

const inTurn = (before: number, after: number): ChannelMap => ({
  before,
  from: Array.from({ length: after }, (_, i) => i % before),
});

/** The model in its new shape: old channels first, then copies of them in turn. */
export function grownShape(before: Plamo2Config, after: Plamo2Config, depth: GrowSettings['depth']): Reshape {
  const { layers, added } = grownLayers(before, after);
  const [old, now] = [before, after].map(({ num_attention_heads: H, num_key_value_heads: K }) => ({
    size: H / K,
    K,
  })) as [{ size: number; K: number }, { size: number; K: number }];
  const query: ChannelMap = {
    before: before.num_attention_heads,
    from: Array.from({ length: after.num_attention_heads }, (_, head) => {
      const group = Math.floor(head / now.size) % old.K;
      return group * old.size + ((head % now.size) % old.size);
    }),
  };
  const axes: Axis[] = ['hidden', 'ffn', 'kv', 'mamba', 'dt'];
  const maps = new Map<Axis, ChannelMap>(
    axes.map((axis) => [axis, inTurn(channelsOf(axis, before), channelsOf(axis, after))]),
  );
  maps.set('query', query);
  return {
    before,
    after,
    layers,
    mapAt: (axis) => maps.get(axis),
    silent: depth === 'identity' ? added : undefined,
  };
}

/** Whether layer i is of the same kind as the one it comes from. */
export const keepsPattern = ({ before, after, layers }: Reshape): boolean =>
  layers.every((old, i) => isMamba(before, old) === isMamba(after, i));
