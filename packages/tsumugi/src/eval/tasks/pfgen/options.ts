// The settings of the task that a person can give by name (--set trials=100).
import { ConfigError, suggestion } from '../../../base/index.ts';
import { TRIALS } from './generate.ts';
import { MODES, type Mode } from './prompt.ts';

export interface TaskOptions {
  trials: number;
  /** undefined: completion for base models, qa for those that chat. */
  mode: Mode | undefined;
  /** Folder for the benchmark's own files. */
  out: string | undefined;
}

/** Names and what they mean, for help. */
export const OPTIONS = {
  trials: `answers to each question (default ${TRIALS}; 100 for an entry of the board)`,
  mode: `${MODES.join(', ')} (default: completion for base models, qa for those that chat)`,
  out: "folder for the benchmark's own files: config.json, trial_001.jsonl, …, result.json",
};

/** @throws ConfigError for values that cannot be */
export function parseTaskOptions(given: Readonly<Record<string, string>> = {}): TaskOptions {
  const { trials = String(TRIALS), mode, out } = given;
  if (!/^[1-9]\d{0,3}$/.test(trials))
    throw new ConfigError('bad-setting', `trials should be a whole number from 1 to 9999, not "${trials}"`, {
      remedy: `Leave it out for ${TRIALS}; an entry of the board has 100.`,
      fields: { trials },
    });
  if (mode !== undefined && !(MODES as readonly string[]).includes(mode))
    throw new ConfigError('bad-setting', `mode should be one of ${MODES.join(', ')}, not "${mode}"`, {
      remedy: suggestion(mode, [...MODES]),
      fields: { mode },
    });
  return { trials: Number(trials), mode: mode as Mode | undefined, out };
}
