// The settings of a command that trains: from a file, from options, and, where a run is gone on with, from the run itself.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { ConfigError } from '../base/index.ts';
import { ownPartsOf, RunFolder } from '../run/index.ts';
import { commandLine } from './command-line.ts';
import { applySettings } from './settings.ts';

interface Given {
  /** By --config and by options of their own. */
  settings: Readonly<Record<string, unknown>>;
  /** By --set. */
  set: readonly string[];
  resume: boolean;
  /** What the settings are, for errors. */
  where?: string | undefined;
}

/**
 * With `resume`, what is not given is as the run in `out` has it.
 *
 * @param name of the runs that the command makes
 * @throws ConfigError for settings that are wrong or missing, and for a run of something else
 */
export function trainingSettings<S extends z.ZodObject>(schema: S, name: string, given: Given): z.output<S> {
  const { settings } = given;
  if (!given.resume) return applySettings(schema, settings, given.set, given.where);
  const out = given.set.findLast((each) => each.startsWith('out='))?.slice('out='.length) ?? settings['out'];
  if (typeof out !== 'string')
    throw new ConfigError('missing-option', '--resume needs --out DIR, the folder of the run to go on with', {
      remedy: 'Write --out DIR.',
      fields: { option: '--out' },
    });
  if (existsSync(join(out, 'run.json')))
    return applySettings(schema, { ...settingsOfRun(out, name), ...settings }, given.set, given.where);
  try {
    return applySettings(schema, settings, given.set, given.where);
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

/** The end of a sentence about a training: the model it made, or what tells more, since a range test makes none. */
export const whatCame = (folder: string | undefined, out: string): string =>
  folder === undefined ? `; its rates: ${commandLine('tsumugi report', [out])}` : ` → ${folder}`;
