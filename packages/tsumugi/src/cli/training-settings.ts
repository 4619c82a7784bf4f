// The settings of a command that trains: from a file, from options, and, with --resume, from the run itself.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { ConfigError, given } from '../base/index.ts';
import { ownPartsOf, RunFolder } from '../run/index.ts';
import { applySettings, readSettingsFile } from './settings.ts';

interface TrainingValues {
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly resume: boolean;
}

type Settings = Readonly<Record<string, unknown>>;

/**
 * The settings of a training. A later source wins: the run in `out` (with --resume), `base`, --config, `own`, --set.
 *
 * @param name of the runs that the command makes
 * @param own settings that have options of their own; undefined where the option is left out
 * @throws ConfigError for settings that are wrong or missing, and for a run of something else
 */
export function trainingSettings<S extends z.ZodObject>(
  schema: S,
  name: string,
  options: TrainingValues,
  own: Settings,
  base: Settings = {},
): z.output<S> {
  const { config: file, set, resume } = options;
  const settings = { ...base, ...readSettingsFile(file), ...given(own) };
  const named = Object.keys(own).filter((key) => key in options);
  const apply = (all: Settings) => applySettings(schema, all, set, file, named);
  if (!resume) return apply(settings);
  const out = set.findLast((each) => each.startsWith('out='))?.slice('out='.length) ?? settings['out'];
  if (typeof out !== 'string')
    throw new ConfigError('missing-option', '--resume needs --out DIR, the folder of the run to go on with', {
      remedy: 'Write --out DIR.',
      fields: { option: '--out' },
    });
  if (existsSync(join(out, 'run.json'))) return apply({ ...settingsOfRun(out, name), ...settings });
  try {
    return apply(settings);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'missing-setting') throw error;
    const { key } = error.fields;
    throw new ConfigError('no-run', `there is no run in ${out} to go on with, and a new one would need ${key}`, {
      remedy: 'Check --out, or give the settings of a new run.',
      fields: error.fields,
    });
  }
}

function settingsOfRun(out: string, name: string): Readonly<Record<string, unknown>> {
  const run = RunFolder.open(out);
  run.requireName(name);
  const [own] = ownPartsOf(run.config);
  if (own === undefined) return run.config;
  const [part, ownName] = own;
  throw new ConfigError('own-part', `the run in ${out} was started by a program with its own ${part}, "${ownName}"`, {
    remedy: 'Go on with that program, with resume: true.',
    fields: { part, name: ownName },
  });
}
