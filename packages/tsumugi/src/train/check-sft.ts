// What goes together in the settings of fine-tuning.
import { checkSchedule, requireIdle } from './check-settings.ts';
import type { SftConfig } from './sft-config.ts';

/** @throws ConfigError naming the settings that do not go together */
export function checkSftSettings(config: Omit<SftConfig, 'model' | 'data' | 'out'>): void {
  checkSchedule(config);
  if (config.steps !== undefined) requireIdle('epochs', config.epochs, 'with steps');
}
