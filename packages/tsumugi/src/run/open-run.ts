// Opens the folder of a training run, a new one or one to go on with. A run goes on only with the inputs and settings that it was
// started with, except settings that do not touch what was trained so far. Inputs are told apart by content, so folder and inputs
// may have been moved or renamed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/index.ts';
import { canonicalJson, latestCheckpoint, type Provenance } from '../store/index.ts';
import { describeChange, findChanges, withoutPlaces } from './changes.ts';
import { RunFolder } from './folder.ts';
import { placesIn, type RunInputs, requireSameInputs } from './inputs.ts';
import { uncheckedParts } from './own-parts.ts';

type Settings = NonNullable<Provenance['config']>;

/** Settings as they are written to disk. */
export const asJson = (config: object): Settings => JSON.parse(JSON.stringify(config));

export interface OpenRunOptions {
  /** Go on with an unfinished run. Where there is none, or one without a checkpoint, it begins: a script may always ask to resume. */
  resume?: boolean | undefined;
  /** Settings that may differ from those at the start, `phases.2.steps` for one inside a list. */
  mayChange?: readonly string[];
  /** The recipe that the settings were taken from; a run that goes on has it. */
  recipe?: string | undefined;
  /** Told what begins or goes on, what was changed, and what cannot be checked. */
  say(line: string): void;
}

/**
 * Opens `config.out` for writing. Settings that were changed are written down with the first event.
 *
 * @param inputs by the setting that names each: `data`, `mix.0.data`
 * @throws UserError when there is a run already and it is not to be resumed, ConfigError naming the settings that differ,
 *   DataError naming the inputs that do
 */
export function openRun(
  name: string,
  config: { out: string },
  { resume = false, mayChange = [], recipe, say }: OpenRunOptions,
  inputs: RunInputs,
): RunFolder {
  const { out } = config;
  const settings = asJson(config);
  if (!resume || !existsSync(join(out, 'run.json'))) {
    const run = RunFolder.create(out, { name, config: settings, inputs, recipe: recipe ?? null });
    if (resume) say(`there is no run in ${out} to go on with: a new one begins`);
    return run;
  }
  const run = RunFolder.resume(out);
  try {
    run.requireName(name);
    const places = placesIn(inputs);
    const changes = findChanges(withoutPlaces(run.config, places), withoutPlaces(settings, places));
    const named = (some: typeof changes) => some.map((change) => `${change.name}: ${describeChange(change)}`);
    const refused = named(changes.filter((change) => !mayChange.includes(change.name)));
    if (refused.length > 0)
      throw new ConfigError('config-changed', `${out} was started with other settings: ${refused.join(', ')}`, {
        remedy: 'Leave them out to go on as it was started, or choose another --out.',
        fields: { changes: refused },
      });
    requireSameInputs(out, run.inputs, inputs);
    if (changes.length > 0) say(`going on in ${out} with ${named(changes).join(', ')}`);
    if (canonicalJson([run.config, run.inputs]) !== canonicalJson([settings, inputs])) run.change(settings, inputs);
    const unchecked = uncheckedParts(settings);
    if (latestCheckpoint(run.checkpoints) === undefined)
      say(`the run in ${out} has not saved anything yet: it begins anew`);
    else if (unchecked !== undefined) say(unchecked);
    return run;
  } catch (error) {
    run[Symbol.dispose]();
    throw error;
  }
}
