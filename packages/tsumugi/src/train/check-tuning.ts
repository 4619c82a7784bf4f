// What goes together in the settings of every training on conversations.
import { ConfigError } from '../base/index.ts';
import type { ScheduleSettings } from '../loop/index.ts';
import { type AdapterConfig, checkAdapterSettings } from './adapter-config.ts';
import { checkSchedule } from './check-settings.ts';

type TuningSettings = ScheduleSettings & AdapterConfig & { steps?: number | undefined; epochs?: number | undefined };

/** @throws ConfigError naming the settings that do not go together */
export function checkTuningSettings(config: TuningSettings): void {
  checkSchedule(config);
  checkAdapterSettings(config);
  const { steps, epochs } = config;
  if (steps === undefined || epochs === undefined) return;
  throw new ConfigError('no-effect', 'epochs has no effect with steps', {
    remedy: 'Give one of the two; a run that goes on, the one that it was begun with.',
    fields: { setting: 'epochs', steps, epochs },
  });
}
