// From the settings to the config of the smaller model.
import { ConfigError } from '../../base/index.ts';
import type { Plamo2Config } from '../../lm/index.ts';
import { type ShapeTarget, targetKeys } from '../reshape/shape-config.ts';
import { isSameShape, resizedConfig } from '../reshape/target.ts';
import type { PruneSettings } from './prune-config.ts';

/** PLaMo 2 8B → 2B: layers and all heads are kept (from the sizes of both; the criteria are not published). */
export const prunePresets: Readonly<Record<'8b-to-2b', ShapeTarget>> = {
  '8b-to-2b': { hidden_size: 2048, intermediate_size: 5632 },
};

/** @throws ConfigError naming the key that cannot be lowered so far */
export function prunedConfig(before: Plamo2Config, settings: PruneSettings): Plamo2Config {
  const preset: ShapeTarget = settings.preset === undefined ? {} : prunePresets[settings.preset];
  const target = Object.fromEntries(targetKeys.map((key) => [key, settings[key] ?? preset[key]]));
  const after = resizedConfig(before, target, 'prune');
  if (isSameShape(before, after))
    throw new ConfigError('prune-nothing', 'nothing is taken away from the model', {
      remedy: `Give a smaller target, such as --set intermediate_size=${Math.ceil(before.intermediate_size / 2)}.`,
    });
  return after;
}
