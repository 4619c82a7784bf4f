// The folder of a training run: a new one, or the one to go on with, which must have been started with the same settings and
// the same inputs. Inputs are told apart by their content, so they and the folder may have been moved, or be named otherwise.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/index.ts';
import { canonicalJson, type Json, latestCheckpoint, type Provenance } from '../store/index.ts';
import { describeChanges } from './changes.ts';
import { RunFolder } from './folder.ts';
import { type RunInputs, requireSameInputs } from './inputs.ts';

type Settings = NonNullable<Provenance['config']>;

/** Settings as they are written to disk. */
export const asJson = (config: object): Settings => JSON.parse(JSON.stringify(config));

/**
 * Opens `config.out` for writing. With `resume`, an unfinished run there is gone on with; without one, it is begun, and so is one
 * that has saved nothing yet: a script may always ask to go on. `say` is told of both.
 *
 * @param inputs by the setting that names each: `data`, `mix.0.data`
 * @throws UserError when there is a run already and it is not to be resumed, ConfigError naming the settings that differ,
 *   DataError naming the inputs that do
 */
export function openRun(
  name: string,
  config: { out: string },
  { resume = false, say }: { resume?: boolean | undefined; say: (line: string) => void },
  inputs: RunInputs,
): RunFolder {
  const { out } = config;
  const settings = asJson(config);
  if (!resume || !existsSync(join(out, 'run.json'))) {
    const run = RunFolder.create(out, { name, config: settings, inputs });
    if (resume) say(`there is no run in ${out} to go on with: a new one begins`);
    return run;
  }
  const run = RunFolder.resume(out);
  try {
    if (run.name !== name)
      throw new ConfigError('other-run', `${out} holds a run of "${run.name}", not of "${name}"`, {
        remedy: 'Choose another --out.',
        fields: { expected: name, found: run.name },
      });
    const places = ['out', ...Object.keys(inputs)];
    const changes = describeChanges(without(run.config, places), without(settings, places));
    if (changes.length > 0)
      throw new ConfigError('config-changed', `${out} was started with other settings: ${changes.join(', ')}`, {
        remedy: `Resume with the settings in ${join(out, 'run.json')}, or choose another --out.`,
        fields: { changes },
      });
    requireSameInputs(out, run.inputs, inputs);
    if (canonicalJson([run.config, run.inputs]) !== canonicalJson([settings, inputs])) run.relocate(settings, inputs);
    if (latestCheckpoint(run.checkpoints) === undefined)
      say(`the run in ${out} has not saved anything yet: it begins anew`);
    return run;
  } catch (error) {
    run[Symbol.dispose]();
    throw error;
  }
}

/** The settings without what stands at these places, which are keys and indices joined by dots. */
function without(settings: object, places: readonly string[]): Json {
  const rest = asJson(settings);
  for (const place of places) {
    const keys = place.split('.');
    const last = keys.pop()!;
    const parent = keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], rest);
    if (typeof parent === 'object' && parent !== null) delete (parent as Record<string, unknown>)[last];
  }
  return rest;
}
