// What a training must not be asked for over ranks: a run and its plan refuse the same, before anything else.
import { ConfigError } from '../base/index.ts';
import { requireEvenGroups } from '../mesh/index.ts';
import type { ModelTraining } from './model-training.ts';

/** @throws ConfigError naming the setting with which this training cannot be spread over so many ranks */
export function requireOverRanks(
  {
    name,
    config: { shard = 'none' },
    alone,
    ranksPerRow = 1,
    goesInRounds = false,
  }: Pick<ModelTraining<object>, 'name' | 'config' | 'alone' | 'ranksPerRow' | 'goesInRounds'>,
  world: number,
): void {
  requireEvenGroups(world, ranksPerRow);
  if (world === 1) return;
  if (alone) throw new ConfigError('not-over-ranks', alone.fault, { remedy: alone.remedy });
  if (shard === 'none' || shard === 'zero1' || goesInRounds) return;
  throw new ConfigError(
    'not-in-rounds',
    `shard: ${name} cannot be ${shard}: its ranks go backward as often as their share asks for`,
    { remedy: 'Set shard=zero1, which cuts the state of the optimizer.', fields: { shard } },
  );
}
