// Settings on which nothing depends as the others are: who changes one is told so, instead of wondering.
import { ConfigError } from '../../base/index.ts';

/** Settings that count only where something else holds. */
export interface Condition {
  settings: readonly string[];
  holds: boolean;
  /** What has to hold, as "without … nothing depends on it" says it. */
  without: string;
  remedy?: string;
}

/** What of an agent's config is needed here: its fields, each with its default. */
export interface Defaults {
  readonly shape: Readonly<Record<string, { parse(value: undefined): unknown }>>;
}

const shown = (value: unknown) => JSON.stringify(value);

/**
 * Refuses settings that differ from their default and change nothing.
 *
 * @throws ConfigError `idle-setting` for the first one
 */
export function refuseIdle(
  agent: string,
  config: Defaults,
  settings: Readonly<Record<string, unknown>>,
  conditions: readonly Condition[],
): void {
  for (const { settings: names, holds, without, remedy } of conditions) {
    if (holds) continue;
    for (const name of names) {
      const field = config.shape[name];
      if (!field) continue;
      const [value, usual] = [settings[name], field.parse(undefined)];
      if (shown(value) === shown(usual)) continue;
      throw new ConfigError('idle-setting', `${agent}: nothing depends on ${name}=${shown(value)} without ${without}`, {
        remedy: remedy ?? `Leave ${name} out, or set ${without}.`,
        fields: { setting: name, value: shown(value) },
      });
    }
  }
}
