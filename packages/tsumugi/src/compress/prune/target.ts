// From the settings to the config of the smaller model.
import { ConfigError } from '../../base/index.ts';
import { isMamba, type Plamo2Config } from '../../lm/index.ts';
import { layersOfUnit } from '../reshape/layers.ts';
import { type PruneSettings, type PruneTarget, pruneTarget } from './prune-config.ts';

/** PLaMo 2 8B → 2B: layers and all heads are kept (from the sizes of both; the criteria are not published). */
export const prunePresets: Readonly<Record<'8b-to-2b', PruneTarget>> = {
  '8b-to-2b': { hidden_size: 2048, intermediate_size: 5632 },
};

const refuse = (key: string, problem: string, remedy: string) =>
  new ConfigError('prune-target', `${key}: ${problem}`, { remedy, fields: { key } });

/** @throws ConfigError naming the key that cannot be lowered so far */
export function prunedConfig(before: Plamo2Config, settings: PruneSettings): Plamo2Config {
  const preset = settings.preset === undefined ? {} : prunePresets[settings.preset];
  const target: Record<string, number> = {};
  for (const key of Object.keys(pruneTarget.shape) as (keyof PruneTarget)[]) {
    const wanted = settings[key] ?? preset[key];
    if (wanted === undefined) continue;
    if (wanted > before[key])
      throw refuse(
        key,
        `the model has ${before[key]}, so ${wanted} is no smaller model`,
        'Use "tsumugi grow" for a larger one.',
      );
    target[key] = wanted;
  }
  const after = { ...before, ...target, ...heads(before, target) };
  checkDepth(before, after);
  if (
    Object.keys(pruneTarget.shape).every((key) => after[key as keyof PruneTarget] === before[key as keyof PruneTarget])
  )
    throw new ConfigError('prune-nothing', 'nothing is taken away from the model', {
      remedy: `Give a smaller target, such as --set intermediate_size=${Math.ceil(before.intermediate_size / 2)}.`,
    });
  return after;
}

/** Query heads and key/value heads: whole groups, unless both are given. */
function heads(
  { num_attention_heads: H, num_key_value_heads: K }: Plamo2Config,
  target: Record<string, number>,
): Pick<Plamo2Config, 'num_attention_heads' | 'num_key_value_heads'> {
  const group = H / K;
  const { num_attention_heads: query, num_key_value_heads: kv } = target;
  const keys = kv ?? (query === undefined ? K : query / group);
  const queries = query ?? keys * group;
  if (!Number.isInteger(keys))
    throw refuse(
      'num_attention_heads',
      `${query} query heads are no whole groups of ${group}`,
      `Take a multiple of ${group}, or give num_key_value_heads too, to take heads out of every group.`,
    );
  if (queries % keys !== 0 || queries / keys > group)
    throw refuse(
      'num_attention_heads',
      `${queries} query heads cannot be ${keys} groups of at most ${group}`,
      `Take a multiple of ${keys}, up to ${keys * group}.`,
    );
  return { num_attention_heads: queries, num_key_value_heads: keys };
}

function checkDepth(before: Plamo2Config, after: Plamo2Config): void {
  const [from, to, unit] = [before.num_hidden_layers, after.num_hidden_layers, layersOfUnit(before)];
  const keepsPattern =
    (from - to) % unit === 0 &&
    Array.from({ length: to }, (_, i) => i).every((i) => isMamba(after, i) === isMamba(before, i));
  if (from !== to && !keepsPattern)
    throw refuse(
      'num_hidden_layers',
      `${from} layers cannot become ${to}: layers go in whole groups of ${unit}`,
      `Take ${from} less a multiple of ${unit}: attention and Mamba alternate.`,
    );
}
