// Which layers of a hybrid get adapters. Names are those of its linear maps; groups stand for the maps of a kind of layer.
import { ConfigError, nearest } from '../../base/index.ts';
import type { Plamo2Config } from '../config.ts';
import { tensorShapes } from '../tensor-shapes.ts';

/** The maps of each kind of layer. The head is named by itself: no group has it. */
export const targetGroups = {
  mamba: ['in_proj', 'bcdt_proj', 'dt_proj', 'out_proj'],
  attention: ['qkv_proj', 'o_proj'],
  mlp: ['gate_up_proj', 'down_proj'],
} as const;

const HEAD = 'lm_head';

/** A linear map of a model. */
export interface TargetMap {
  /** Its path in the model. */
  path: string;
  /** The last part of its path. */
  kind: string;
  outputs: number;
  inputs: number;
}

export interface TargetOptions {
  /** Names (`in_proj`), groups (`mamba`, `attention`, `mlp`, `all`), and ends of paths in which `*` stands for anything. */
  targets: readonly string[];
  /** The first and the last of the layers that are adapted; all when left out. */
  layers?: readonly [first: number, last: number] | undefined;
}

/** Every linear map of a model of this config, in tree order. */
export function linearMaps(config: Plamo2Config): TargetMap[] {
  return [...tensorShapes(config)].flatMap(([name, shape]) => {
    const path = name.replace(/\.weight$/, '');
    const kind = path.slice(path.lastIndexOf('.') + 1);
    if (!kind.endsWith('_proj') && kind !== HEAD) return [];
    const [outputs, inputs] = shape as [number, number];
    return [{ path, kind, outputs, inputs }];
  });
}

const namesOf = (target: string): readonly string[] =>
  target === 'all'
    ? Object.values(targetGroups).flat()
    : (targetGroups[target as keyof typeof targetGroups] ?? [target]);

/** Whether a path ends in `target`, at a dot. */
export function endsIn(path: string, target: string): boolean {
  const [first, ...rest] = target.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^(.*\\.)?${[first, ...rest].join('.*')}$`).test(path);
}

const layerOf = (path: string) => /\blayers\.(\d+)\./.exec(path)?.[1];

/**
 * The linear maps that are meant.
 *
 * @throws ConfigError for a target that no map answers to, with the names that there are
 */
export function resolveTargets(config: Plamo2Config, { targets, layers }: TargetOptions): TargetMap[] {
  const count = config.num_hidden_layers;
  if (layers && !(layers[0] >= 0 && layers[0] <= layers[1] && layers[1] < count))
    throw new ConfigError('no-such-layer', `layers ${layers[0]} to ${layers[1]} are not those of a model of ${count}`, {
      remedy: `Name the first and the last of the layers 0 to ${count - 1}.`,
      fields: { layers },
    });
  const all = linearMaps(config);
  const within = all.filter(({ path }) => {
    if (!layers) return true;
    const layer = layerOf(path);
    return layer !== undefined && Number(layer) >= layers[0] && Number(layer) <= layers[1];
  });
  const found = new Set<TargetMap>();
  for (const target of targets) {
    const names = namesOf(target);
    const meant = within.filter(({ path }) => names.some((name) => endsIn(path, name)));
    if (meant.length === 0) throw noMatch(config, target, all, layers);
    for (const each of meant) found.add(each);
  }
  if (found.size === 0) throw noMatch(config, '', all, layers);
  return all.filter((each) => found.has(each));
}

function noMatch(
  config: Plamo2Config,
  target: string,
  all: readonly TargetMap[],
  layers: TargetOptions['layers'],
): ConfigError {
  const refuse = (message: string, remedy: string) =>
    new ConfigError('no-target', message, { remedy, fields: { target } });
  const kinds = [...new Set(all.map(({ kind }) => kind))];
  const groups = Object.entries(targetGroups).flatMap(([group, names]) =>
    names.some((name) => kinds.includes(name)) ? [group] : [],
  );
  const known = `${[...kinds, ...groups, 'all'].join(', ')}, or an end of a path such as layers.3.mlp.down_proj or layers.3.*`;
  if (target === '') return refuse('no layer is named that could get an adapter', `Name some of ${known}.`);
  if (/(^|\.)embed_tokens$/.test(target))
    return refuse(
      'embed_tokens cannot get an adapter: adapters are for linear maps, and the embedding is a table of rows',
      `Name some of ${known}.`,
    );
  if (target === HEAD && config.tie_word_embeddings)
    return refuse(
      'lm_head cannot get an adapter: this model has no head of its own, it uses the embedding',
      `Name some of ${known}.`,
    );
  const names = namesOf(target);
  if (layers && all.some(({ path }) => names.some((name) => endsIn(path, name))))
    return refuse(
      `no layer from ${layers[0]} to ${layers[1]} has a linear map "${target}"`,
      'Widen the range of layers, or leave the target out.',
    );
  const near = nearest(target, [...kinds, ...groups, 'all']);
  return refuse(
    `the model has no linear map "${target}"`,
    near ? `Did you mean "${near}"? There are ${known}.` : `There are ${known}.`,
  );
}
