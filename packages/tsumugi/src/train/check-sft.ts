// What goes together in the settings of fine-tuning.
import { ConfigError } from '../base/index.ts';
import { checkAdapterSettings } from './adapter-config.ts';
import { checkSchedule, requireIdle } from './check-settings.ts';
import type { SftConfig } from './sft-config.ts';

/** @throws ConfigError naming the settings that do not go together */
export function checkSftSettings(config: Omit<SftConfig, 'model' | 'data' | 'out'>): void {
  checkSchedule(config);
  checkAdapterSettings(config);
  if (config.lora !== undefined && config.freeze.length > 0)
    requireIdle('freeze', config.freeze, 'with lora, which freezes all but the adapters');
  const { steps, epochs } = config;
  if (steps === undefined || epochs === undefined) return;
  throw new ConfigError('no-effect', 'epochs has no effect with steps', {
    remedy: 'Give one of the two; a run that goes on, the one that it was begun with.',
    fields: { setting: 'epochs', steps, epochs },
  });
}
