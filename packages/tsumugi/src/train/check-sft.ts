// What goes together in the settings of fine-tuning.
import { requireIdle } from './check-settings.ts';
import { checkTuningSettings } from './check-tuning.ts';
import type { SftConfig } from './sft-config.ts';

/** @throws ConfigError naming the settings that do not go together */
export function checkSftSettings(config: Omit<SftConfig, 'model' | 'data' | 'out'>): void {
  checkTuningSettings(config);
  if (config.lora !== undefined && config.freeze.length > 0)
    requireIdle('freeze', config.freeze, 'with lora, which freezes all but the adapters');
}
