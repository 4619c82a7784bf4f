// Settings of a reward model's training that do not go together.
import { checkTuningSettings } from './check-tuning.ts';
import type { RewardConfig } from './reward-config.ts';

/** @throws ConfigError naming a setting that would have no effect */
export function checkRewardSettings(config: Omit<RewardConfig, 'model' | 'data' | 'out'>): void {
  checkTuningSettings(config);
}
