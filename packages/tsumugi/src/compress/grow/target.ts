// From the settings to the config of the larger model, and where its layers and channels come from.
import { ConfigError } from '../../base/index.ts';
import { isMamba, type Plamo2Config } from '../../lm/index.ts';
import { type Axis, channelsOf } from '../reshape/axes.ts';
import type { ChannelMap } from '../reshape/channel-map.ts';
import { layersOfUnit } from '../reshape/layers.ts';
import type { Reshape } from '../reshape/reshape.ts';
import { type GrowSettings, type GrowTarget, growTarget } from './grow-config.ts';

const refuse = (key: string, problem: string, remedy: string) =>
  new ConfigError('grow-target', `${key}: ${problem}`, { remedy, fields: { key } });

/** @throws ConfigError naming the key that cannot be raised so far */
export function grownConfig(before: Plamo2Config, settings: GrowSettings): Plamo2Config {
  const target: Record<string, number> = {};
  for (const key of Object.keys(growTarget.shape) as (keyof GrowTarget)[]) {
    const wanted = settings[key];
    if (wanted === undefined) continue;
    if (wanted < before[key])
      throw refuse(
        key,
        `the model has ${before[key]}, so ${wanted} is no larger model`,
        'Use "tsumugi prune" for a smaller one.',
      );
    target[key] = wanted;
  }
  const after = { ...before, ...target, ...heads(before, target) };
  const [from, to, unit] = [before.num_hidden_layers, after.num_hidden_layers, layersOfUnit(before)];
  if ((to - from) % unit !== 0 || (from !== to && from < unit))
    throw refuse(
      'num_hidden_layers',
      `${from} layers cannot become ${to}: layers come in whole groups of ${unit}`,
      `Take ${from} and a multiple of ${unit}: attention and Mamba alternate.`,
    );
  if (Object.keys(growTarget.shape).every((key) => after[key as keyof GrowTarget] === before[key as keyof GrowTarget]))
    throw new ConfigError('grow-nothing', 'nothing is added to the model', {
      remedy: `Give a larger target, such as --set num_hidden_layers=${from + unit}.`,
    });
  const layers = grownLayers(before, after).layers;
  return {
    ...after,
    full_attention_idx: layers.flatMap((old, i) => (before.full_attention_idx.includes(old) ? [i] : [])),
  };
}

/** Whole groups, unless both are given. Every copy of a key/value head has copies of all its query heads. */
function heads(
  { num_attention_heads: H, num_key_value_heads: K }: Plamo2Config,
  target: Record<string, number>,
): Pick<Plamo2Config, 'num_attention_heads' | 'num_key_value_heads'> {
  const group = H / K;
  const { num_attention_heads: query, num_key_value_heads: kv } = target;
  const keys = kv ?? (query === undefined ? K : query / group);
  const queries = query ?? keys * group;
  if (!Number.isInteger(keys) || queries % keys !== 0 || queries / keys < group)
    throw refuse(
      'num_attention_heads',
      `${queries} query heads cannot be ${Number.isInteger(keys) ? keys : 'whole'} groups of at least ${group}`,
      `Take a multiple of ${group}, or give num_key_value_heads=${K} and a multiple of ${K}, to add heads to every group.`,
    );
  return { num_attention_heads: queries, num_key_value_heads: keys };
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
