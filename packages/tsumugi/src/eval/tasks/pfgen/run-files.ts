// The files of a run in the benchmark's own layout, so that its tools can read them: config.json, trial_NNN.jsonl and
// result.json in <folder>/<model>/<first 7 digits of the config's SHA-1>.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StagedFolder, writeFileAtomic } from '../../../base/index.ts';
import type { StoredAnswer } from './board.ts';
import { type Generated, MAX_TOKENS, stopsOf, TEMPERATURE, TOP_P } from './generate.ts';
import type { Mode } from './prompt.ts';
import { type Rescored, type RescoreOptions, rescorePfgen } from './rescore.ts';

export interface RunConfig {
  /** What answered: "engine", "gguf", "openai". */
  engine: string;
  model: string;
  mode: Mode;
  examples: number;
}

/** A number as Python writes a float. */
const float = (value: number) => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** The config as the benchmark writes and hashes it: sorted keys, Python's separators and floats. */
export function configJson({ engine, model, mode, examples }: RunConfig): string {
  const entries: [key: string, json: string][] = [
    ['engine', JSON.stringify(engine)],
    ['max_tokens', String(MAX_TOKENS)],
    ['mode', JSON.stringify(mode)],
    ['model', JSON.stringify(model)],
    ['num_examples', String(examples)],
    [
      'stop',
      `[${stopsOf({ mode })
        .map((text) => JSON.stringify(text))
        .join(', ')}]`,
    ],
    ['temperature', float(TEMPERATURE)],
    ['top_p', float(TOP_P)],
  ];
  return `{${entries.map(([key, json]) => `"${key}": ${json}`).join(', ')}}`;
}

/** Where a run's files go below `folder`. A model that is a path keeps its last two parts. */
export function runFolder(folder: string, config: RunConfig): string {
  const hash = createHash('sha1').update(configJson(config)).digest('hex').slice(0, 7);
  const parts = config.model.split(/[/\\]/).filter((part) => part !== '' && part !== '.' && part !== '..');
  return join(folder, ...parts.slice(-2), hash);
}

/** Whether a folder holds a run and nothing else. */
const isRun = (folder: string) =>
  readdirSync(folder).every((name) => /^(config\.json|result\.json|trial_\d+\.jsonl)$/.test(name));

/** Writes config.json and a file for each trial; each appears whole or not at all. */
function writeTrials(folder: string, config: RunConfig, trials: Iterable<readonly StoredAnswer[]>): void {
  writeFileAtomic(join(folder, 'config.json'), `${configJson(config)}\n`);
  let trial = 0;
  for (const answers of trials) {
    const name = `trial_${String(++trial).padStart(3, '0')}.jsonl`;
    writeFileAtomic(join(folder, name), answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''));
  }
}

/** Writes result.json, with the keys in the benchmark's order. */
export function writeResult(folder: string, rescored: Rescored): void {
  const { fluency: _fluency, truthfulness: _truthfulness, helpfulness: _helpfulness, ...result } = rescored;
  writeFileAtomic(join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
}

/**
 * The place of a run, to be filled by `writeRun`. A run that is there will be replaced as a whole, so that none of its trials
 * is counted.
 *
 * @throws DataError when something else is there
 */
export function openRun(folder: string, config: RunConfig): StagedFolder {
  return new StagedFolder(runFolder(folder, config), isRun);
}

/** Writes whole trials and their result, and puts them in place. */
export async function writeRun(
  place: StagedFolder,
  config: RunConfig,
  generated: readonly Generated[],
  scoring: Omit<RescoreOptions, 'answers'>,
): Promise<void> {
  const timestamp = new Date().toISOString();
  const byTrial = Map.groupBy(generated, ({ trial }) => trial).values();
  const stored = byTrial.map((answers) =>
    answers.map(({ reference: { question }, answer }): StoredAnswer => ({ question, answer, timestamp })),
  );
  writeTrials(place.path, config, stored);
  writeResult(place.path, await rescorePfgen({ ...scoring, answers: place.path }));
  place.commit();
}
