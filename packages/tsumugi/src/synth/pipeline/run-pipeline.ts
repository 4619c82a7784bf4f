// A pipeline of synthetic data: rows go through asking and filtering, some hundred at a time, and come out as examples. The result
// depends on settings, rows and answers alone. Answers are kept, so a run that was cut off, or is begun again with other filters,
// asks only what is missing.
import { join } from 'node:path';
import { ConfigError, checkOptions, checkSettings, DataError, makeFolder } from '../../base/index.ts';
import { AnswerCache, type Backend } from '../../eval/index.ts';
import { holdPlace } from '../../run/index.ts';
import { hashedData } from '../../store/index.ts';
import { askRows, shortHash } from './ask-rows.ts';
import { Asker } from './asker.ts';
import { Budget } from './budget.ts';
import { checkedRows } from './check-fields.ts';
import { FailureLog } from './failure-log.ts';
import { inputFiles } from './input-rows.ts';
import { rowOutput } from './output.ts';
import { type PipelineConfig, type PipelineSettings, pipelineConfig } from './pipeline-config.ts';
import { type PipelineRun, requirePlace, runOptions } from './pipeline-run.ts';
import { Results } from './results.ts';
import type { SynthRow } from './row.ts';
import { type RowFilter, rowFilter } from './row-filter.ts';
import { type Step, stepsOf } from './steps.ts';
import type { SynthReport } from './synth-report.ts';

/** Rows that go through all steps before the next ones begin: what a spent budget leaves unfinished. */
const BLOCK = 256;

/** Whether a model has to write only, and no filter measures what it thinks of a text. */
export const asksOnly = ({ steps }: Pick<PipelineConfig, 'steps'>): boolean =>
  steps.every(({ filter }) => filter !== 'perplexity');

/**
 * Runs a pipeline.
 *
 * @throws ConfigError or DataError for settings and rows that do not fit; UserError when the model cannot be asked; Interrupted
 *   (of `tsumugi/eval`) when the signal was aborted. What was answered by then is kept.
 */
export async function runPipeline(settings: PipelineSettings | PipelineConfig, run: PipelineRun): Promise<SynthReport> {
  checkOptions('runPipeline', run, runOptions);
  const config = checkSettings('pipeline', pipelineConfig, settings);
  const { backend, out, folder = '.', recipe } = run;
  const steps = stepsOf(config, folder);
  const output = rowOutput(config);
  requireMeasuring(config, backend);
  const rows: SynthRow[] = [];
  for await (const row of checkedRows(config, folder, steps, output)) rows.push(row);
  if (rows.length === 0)
    throw new DataError('no-rows', `${config.data.join(', ')}: there are no rows`, { remedy: 'Check the data.' });
  const filters = new Map<Step, RowFilter>();
  for (const step of steps) if (step.kind === 'filter') filters.set(step, await rowFilter(step, folder, () => asker));
  if (recipe === undefined) requirePlace(out);
  using _lock = holdPlace(out);
  makeFolder(out);
  const remedy = 'Make room there, or name another folder, and run it again.';
  using answers = new AnswerCache(join(out, 'answers'), backend, remedy);
  const budget = new Budget(config.maxTokens);
  const asker = new Asker(backend, answers, new FailureLog(join(out, 'failures.jsonl')), budget, {
    concurrency: config.concurrency,
    retryFailed: run.retryFailed ?? false,
    signal: run.signal,
    onChange: () => report(),
  });
  using results = new Results(out, steps);
  const as = { seed: config.seed, model: `${backend.model} ${shortHash(backend.fingerprint)}` };
  let [done, length, passed] = [0, 0, 0];
  const report = () =>
    run.onProgress?.({
      done,
      rows: rows.length,
      ...asker.counts,
      tokens: budget.total,
      fraction: (done + (length * (passed + asker.done)) / steps.length) / rows.length,
    });
  const pass = async (step: Step, came: readonly SynthRow[]): Promise<readonly SynthRow[]> => {
    if (step.kind === 'ask') return results.asked(step, came.length, await askRows(step, came, asker, as));
    const verdicts = await filters.get(step)!.judge(came);
    return came.filter((row, i) => results.judged(step, row, verdicts[i]));
  };
  for (; done < rows.length; done += length) {
    let left: readonly SynthRow[] = rows.slice(done, done + BLOCK);
    length = left.length;
    for (passed = 0; passed < steps.length; passed++) left = await pass(steps[passed]!, left);
    for (const row of left) results.row(row, output);
  }
  [length, passed] = [0, 0];
  report();
  const inputs = await hashedData(inputFiles(config, folder).map(({ path }) => path));
  const { used: tokens } = budget;
  return results.commit({ config, backend, recipe, inputs, rows: rows.length, tokens, counts: asker.counts });
}

/** @throws ConfigError for a filter that wants more of the model than it can do */
function requireMeasuring(config: PipelineConfig, { model, kinds }: Backend): void {
  if (asksOnly(config) || kinds.has('rolling')) return;
  throw new ConfigError('cannot-measure', `${model} cannot measure texts, which the filter perplexity needs`, {
    remedy: 'Take a model folder, or an endpoint that echoes prompts with log-probabilities (docs/backends.md).',
  });
}
