// Settings of a reward model's training that do not go together.
import { checkAdapterSettings } from './adapter-config.ts';
import { checkSchedule, requireIdle } from './check-settings.ts';
import type { RewardConfig } from './reward-config.ts';

/** @throws ConfigError naming a setting that would have no effect */
export function checkRewardSettings(config: Omit<RewardConfig, 'model' | 'data' | 'out'>): void {
  checkSchedule(config);
  checkAdapterSettings(config);
  if (config.steps !== undefined) requireIdle('epochs', config.epochs, 'where the steps are given');
}
