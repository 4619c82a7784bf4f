// The folder of a training run: a new one, or the one to go on with, which must have been started with the same settings.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/index.ts';
import type { Provenance } from '../store/index.ts';
import { RunFolder } from './folder.ts';

/** Settings as they are written to disk. */
export const asJson = (config: object): NonNullable<Provenance['config']> => JSON.parse(JSON.stringify(config));

/**
 * Opens `config.out` for writing. With `resume`, an unfinished run there is gone on with; without one, it is begun.
 *
 * @throws UserError when there is a run already and it is not to be resumed, ConfigError naming a setting that differs
 */
export function openRun(name: string, config: { out: string }, resume: boolean): RunFolder {
  const settings = asJson(config);
  if (!resume || !existsSync(join(config.out, 'run.json')))
    return RunFolder.create(config.out, { name, config: settings });
  const run = RunFolder.resume(config.out);
  const differs = (key: string) => JSON.stringify(settings[key]) !== JSON.stringify(run.config[key]);
  const changed = run.name === name ? Object.keys(settings).find(differs) : undefined;
  if (run.name === name && changed === undefined) return run;
  run[Symbol.dispose]();
  if (run.name !== name)
    throw new ConfigError('other-run', `${config.out} holds a run of "${run.name}", not of "${name}"`, {
      remedy: 'Choose another --out.',
      fields: { expected: name, found: run.name },
    });
  throw new ConfigError('config-changed', `${config.out} was started with another "${changed}"`, {
    remedy: `Resume with the settings in ${join(config.out, 'run.json')}, or choose another --out.`,
    fields: { key: changed },
  });
}
