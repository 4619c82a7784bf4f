// From the keys that are asked for to the config of a smaller or larger model: what pruning and growing have in common.
import { ConfigError } from '../../base/index.ts';
import { isMamba, type Plamo2Config } from '../../lm/index.ts';
import { layersOfUnit } from './layers.ts';
import { type ShapeTarget, targetKeys } from './shape-config.ts';

type Direction = 'prune' | 'grow';

const refuse = (direction: Direction, key: string, problem: string, remedy: string) =>
  new ConfigError(`${direction}-target`, `${key}: ${problem}`, { remedy, fields: { key } });

/** @throws ConfigError naming the key that cannot be lowered, or raised, so far */
export function resizedConfig(before: Plamo2Config, target: ShapeTarget, direction: Direction): Plamo2Config {
  const [kind, [other, otherKind]] =
    direction === 'grow' ? ['larger', ['prune', 'smaller']] : ['smaller', ['grow', 'larger']];
  for (const key of targetKeys) {
    const wanted = target[key];
    if (wanted !== undefined && (direction === 'grow' ? wanted < before[key] : wanted > before[key]))
      throw refuse(
        direction,
        key,
        `the model has ${before[key]}, so ${wanted} is no ${kind} model`,
        `Use "tsumugi ${other}" for a ${otherKind} one.`,
      );
  }
  const asked = Object.fromEntries(
    targetKeys.flatMap((key) => (target[key] === undefined ? [] : [[key, target[key]]])),
  );
  const after = { ...before, ...asked, ...heads(before, target, direction) };
  checkDepth(before, after, direction);
  return after;
}

/** Whether nothing is lowered or raised. */
export const isSameShape = (before: Plamo2Config, after: Plamo2Config): boolean =>
  targetKeys.every((key) => after[key] === before[key]);

/** Query heads and key/value heads: whole groups, unless both are given. */
function heads(
  { num_attention_heads: H, num_key_value_heads: K }: Plamo2Config,
  { num_attention_heads: query, num_key_value_heads: kv }: ShapeTarget,
  direction: Direction,
): Pick<Plamo2Config, 'num_attention_heads' | 'num_key_value_heads'> {
  const group = H / K;
  const keys = kv ?? (query === undefined ? K : query / group);
  const queries = query ?? keys * group;
  const grows = direction === 'grow';
  if (!Number.isInteger(keys))
    throw refuse(
      direction,
      'num_attention_heads',
      `${query} query heads are no whole groups of ${group}`,
      `Take a multiple of ${group}, or give num_key_value_heads too, to ${grows ? 'add heads to' : 'take heads out of'} every group.`,
    );
  if (queries % keys !== 0 || (grows ? queries / keys < group : queries / keys > group))
    throw refuse(
      direction,
      'num_attention_heads',
      `${queries} query heads cannot be ${keys} groups of at ${grows ? 'least' : 'most'} ${group}`,
      `Take a multiple of ${keys}, ${grows ? 'from' : 'up to'} ${keys * group}${grows ? ' on' : ''}.`,
    );
  return { num_attention_heads: queries, num_key_value_heads: keys };
}

function checkDepth(before: Plamo2Config, after: Plamo2Config, direction: Direction): void {
  const [from, to, unit] = [before.num_hidden_layers, after.num_hidden_layers, layersOfUnit(before)];
  const grows = direction === 'grow';
  const keepsPattern =
    (to - from) % unit === 0 &&
    !(grows && from < unit) &&
    Array.from({ length: Math.min(from, to) }, (_, i) => i).every((i) => isMamba(after, i) === isMamba(before, i));
  if (from !== to && !keepsPattern)
    throw refuse(
      direction,
      'num_hidden_layers',
      `${from} layers cannot become ${to}: layers ${grows ? 'come' : 'go'} in whole groups of ${unit}`,
      `Take ${from} ${grows ? 'and' : 'less'} a multiple of ${unit}: attention and Mamba alternate.`,
    );
}
