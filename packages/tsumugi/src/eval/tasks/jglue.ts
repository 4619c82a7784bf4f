// What the tasks of JGLUE v1.3 share: where the files are, and where examples come from.
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DataError } from '../../base/index.ts';
import type { DataSource, SampleContext } from '../task.ts';
import { distinct } from './rows.ts';

/** Samples that are kept from being asked where examples come out of the validation file. */
const HELD_OUT = 16;

/** The validation file of a data set ("jnli"), which is what is asked. */
export function jglueSource(name: string): DataSource {
  return {
    files: [`jglue/datasets/${name}-v1.3/valid-v1.3.json`],
    origin: `github.com/yahoojapan/JGLUE, datasets/${name}-v1.3`,
    licence: 'CC BY-SA 4.0',
  };
}

/** The file that examples come from: the training file where it is there, else the test file, else the validation file. */
function examplesFile(context: SampleContext, source: DataSource): string {
  const validation = context.file(source.files[0]!);
  const beside = ['train-v1.3.json', 'test-v1.3.json'].map((name) => join(dirname(validation), name));
  return beside.find((path) => existsSync(path)) ?? validation;
}

/**
 * The samples of the validation file and the examples, by `read`. Examples are the first of the training or test file beside it;
 * without either, the last 16 of the validation file, which then are no samples.
 */
export function loadJglue<S extends { id: string }>(
  context: SampleContext,
  source: DataSource,
  read: (file: string) => S[],
): { samples: S[]; examples: S[] } {
  const validation = context.file(source.files[0]!);
  const file = examplesFile(context, source);
  const samples = distinct(validation, read(validation));
  if (file !== validation) {
    const examples = distinct(file, read(file)).slice(0, HELD_OUT);
    checkSplits(samples, examples, validation, file);
    return { samples, examples };
  }
  return { samples: samples.slice(0, -HELD_OUT), examples: samples.slice(-HELD_OUT) };
}

/** @throws DataError when an example is a sample: its answer would stand in its own prompt */
function checkSplits<S extends { id: string }>(
  samples: readonly S[],
  examples: readonly S[],
  validation: string,
  file: string,
): void {
  const asked = new Set(samples.map((sample) => JSON.stringify(sample)));
  const shown = examples.find((example) => asked.has(JSON.stringify(example)));
  if (shown)
    throw new DataError('split-twice', `${file} and ${validation} both hold the sample "${shown.id}"`, {
      remedy: 'One of them is the file of another split: get both again from where they come from.',
      fields: { file, validation, id: shown.id },
    });
}

/** For the settings of a result. */
export function examplesSetting(context: SampleContext, source: DataSource): { examples: string } {
  const file = examplesFile(context, source);
  const heldOut = file === context.file(source.files[0]!);
  return { examples: heldOut ? `last ${HELD_OUT} of ${basename(file)}, not asked` : `first of ${basename(file)}` };
}
