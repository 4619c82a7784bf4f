// A pipeline of synthetic data: rows go through asking and filtering, some hundred at a time, and come out as examples. The result
// depends on settings, rows and answers alone. Answers are kept, so a run that was cut off, or is begun again with other filters,
// asks only what is missing.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, checkOptions, contentHash, DataError, makeFolder, type OptionNames } from '../../base/index.ts';
import { AnswerCache, type Backend } from '../../eval/index.ts';
import { holdPlace } from '../../run/index.ts';
import { askRows, shortHash } from './ask-rows.ts';
import { Asker } from './asker.ts';
import { Budget } from './budget.ts';
import { checkedRows } from './check-fields.ts';
import { FailureLog } from './failure-log.ts';
import { inputFiles } from './input-rows.ts';
import { rowOutput } from './output.ts';
import type { PipelineConfig } from './pipeline-config.ts';
import { Results, type SynthReport } from './results.ts';
import type { SynthRow } from './row.ts';
import { type RowFilter, rowFilter } from './row-filter.ts';
import { type Step, stepsOf } from './steps.ts';

/** Rows that go through all steps before the next ones begin: what is held in memory, and what a spent budget leaves unfinished. */
const BLOCK = 256;

/** Whether a model has to write only, and no filter measures what it thinks of a text. */
export const asksOnly = ({ steps }: Pick<PipelineConfig, 'steps'>): boolean =>
  steps.every(({ filter }) => filter !== 'perplexity');

export interface PipelineRun {
  /** Answers it all. It stays open. */
  backend: Backend;
  /** The folder of the run: `examples/` is what it makes, `report/` what became of the rows, `answers/` what was answered. */
  out: string;
  /** What paths in the settings are relative to. Default: the working folder. */
  folder?: string | undefined;
  /** Whether to ask once more for what failed. */
  retryFailed?: boolean | undefined;
  /** The recipe's name, for lineage. */
  recipe?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: PipelineProgress) => void) | undefined;
}

const runOptions: OptionNames<PipelineRun> = {
  backend: true,
  out: true,
  folder: true,
  retryFailed: true,
  recipe: true,
  signal: true,
  onProgress: true,
};

export interface PipelineProgress {
  /** Rows of the input that are through, and that there are. */
  readonly done: number;
  readonly rows: number;
  readonly asked: number;
  readonly known: number;
  readonly failed: number;
  /** Tokens read and written, also by earlier runs. */
  readonly tokens: number;
  /** Of the rows, with the share of those on their way. */
  readonly fraction: number;
}

/**
 * Runs a pipeline.
 *
 * @throws ConfigError or DataError for settings and rows that do not fit; UserError when the model cannot be asked; Interrupted
 *   when the signal was aborted. What was answered by then is kept.
 */
export async function runPipeline(config: PipelineConfig, run: PipelineRun): Promise<SynthReport> {
  checkOptions('runPipeline', run, runOptions);
  const { backend, out, folder = '.', retryFailed = false, signal } = run;
  const steps = stepsOf(config, folder);
  const output = rowOutput(config);
  if (!asksOnly(config) && !backend.kinds.has('rolling'))
    throw new ConfigError(
      'cannot-measure',
      `${backend.model} cannot measure texts, which the filter perplexity needs`,
      {
        remedy: 'Take a model folder, or an endpoint that echoes prompts with log-probabilities (docs/backends.md).',
      },
    );
  const rows: SynthRow[] = [];
  for await (const row of checkedRows(config, folder, steps, output)) rows.push(row);
  if (rows.length === 0)
    throw new DataError('no-rows', `${config.data.join(', ')}: there are no rows`, { remedy: 'Check the data.' });
  // A stage's folder is the recipe's.
  if (run.recipe === undefined) requirePlace(out);
  using _lock = holdPlace(out);
  makeFolder(out);
  using answers = new AnswerCache(join(out, 'answers'), backend);
  const budget = new Budget(config.maxTokens);
  let done = 0;
  let within = 0;
  const onChange = () =>
    run.onProgress?.({
      done,
      rows: rows.length,
      ...asker.counts,
      tokens: budget.total,
      fraction: (done + within) / rows.length,
    });
  const asker: Asker = new Asker(backend, answers, new FailureLog(join(out, 'failures.jsonl')), budget, {
    concurrency: config.concurrency,
    retryFailed,
    signal,
    onChange,
  });
  const filters = new Map<Step, RowFilter>();
  for (const step of steps) if (step.kind === 'filter') filters.set(step, await rowFilter(step, folder, asker));
  using results = new Results(out, steps);
  const model = `${backend.model} ${shortHash(backend.fingerprint)}`;
  for (; done < rows.length; done += BLOCK) {
    const block = rows.slice(done, done + BLOCK);
    let left: readonly SynthRow[] = block;
    for (const [i, step] of steps.entries()) {
      within = (block.length * i) / steps.length;
      left = await takeStep(step, left);
      onChange();
    }
    for (const row of left) results.row(row, output);
    within = 0;
  }
  done = rows.length;
  onChange();
  const inputs = await Promise.all(
    inputFiles(config, folder).map(async ({ path }) => ({ name: path, sha256: await contentHash(path) })),
  );
  const { used: tokens } = budget;
  return results.commit({
    config,
    backend,
    recipe: run.recipe,
    inputs,
    rows: rows.length,
    tokens,
    counts: asker.counts,
  });

  async function takeStep(step: Step, rows: readonly SynthRow[]): Promise<readonly SynthRow[]> {
    if (step.kind === 'ask') {
      const asked = await askRows(step, rows, asker, { seed: config.seed, model });
      results.asked(step, rows.length, asked);
      return asked.rows;
    }
    const verdicts = await filters.get(step)!.judge(rows);
    return rows.filter((row, i) => results.judged(step, row, verdicts[i]));
  }
}

/** @throws DataError for a folder that holds something else */
function requirePlace(out: string): void {
  if (!existsSync(out)) return;
  const others = readdirSync(out).filter((name) => !['answers', 'failures.jsonl', 'examples', 'report'].includes(name));
  if (others.length === 0 || readdirSync(out).includes('answers')) return;
  throw new DataError('place-taken', `${out} holds something else: ${others[0]}`, {
    remedy: 'Name another folder to write to.',
    fields: { path: out },
  });
}
