// `tsumugi export --format hf`.
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { DataError, given, readJsonValue, signalExitCode, UserError } from '../base/index.ts';
import { readRun } from '../compare/index.ts';
import { type CardEvaluation, exportHf, planExportHf } from '../compress/index.ts';
import type { EvaluationReport } from '../eval/index.ts';
import { codeCommit, formatBytes, formatDuration, formatInteger } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { costRows } from './cost-rows.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { nothingWritten, stoppable } from './stoppable.ts';

interface ExportHfValues {
  model: string;
  out: string;
  maxShardSize: number | undefined;
  dtype: string | undefined;
  name: string | undefined;
  licence: string | undefined;
  language: readonly string[];
  evaluation: readonly string[];
  plan: boolean;
  json: boolean;
}

export async function exportToHf(values: ExportHfValues, io: Io): Promise<number> {
  const { model, out, maxShardSize, name, licence, language, json } = values;
  const dtype = values.dtype as 'float32' | 'bfloat16' | undefined;
  const maxShardBytes = maxShardSize === undefined ? undefined : Math.floor(maxShardSize * 1e9);
  const languages = language.length > 0 ? language : undefined;
  const evaluations = [...runMetrics(model), ...(await evaluationMetrics(values.evaluation, model))];
  using line = new ProgressLine(io.stderr, 'export');
  const options = {
    evaluations,
    commit: codeCommit(),
    onProgress: ({ tensor, doneBytes, totalBytes }: { tensor: string; doneBytes: number; totalBytes: number }) =>
      line.update(doneBytes / totalBytes, tensor),
    ...given({ maxShardBytes, dtype, name, licence, languages }),
  };
  if (values.plan) {
    const plan = await planExportHf(model, options);
    const { parameters, shards, bytes } = plan;
    const text =
      `${formatInteger(parameters)} parameters in ${plan.dtype}: ${formatBytes(bytes)} in ${shards} ` +
      `file${shards === 1 ? '' : 's'}, licence ${plan.licence ?? 'not stated'}\n` +
      formatRows(costRows(plan, out));
    await write(io.stdout, json ? `${JSON.stringify({ ...plan, out })}\n` : text);
    return 0;
  }
  const result = await stoppable(io, [line], nothingWritten, (pause) => exportHf(model, out, { ...options, pause }));
  if (!result) return signalExitCode();
  if (result.licence === null)
    io.stderr.write('note: the model card states no licence; name it with --licence, such as apache-2.0\n');
  const said = `${result.files.length} files, ${formatBytes(result.bytes)} of weights in ${formatDuration(result.seconds)} → ${out}\n`;
  await write(io.stdout, json ? `${JSON.stringify(result)}\n` : said);
  return 0;
}

/** The held-out metrics of the run that made a model; none when the model is not in the folder of a run. */
function runMetrics(model: string): CardEvaluation[] {
  const run = dirname(resolve(model));
  if (basename(resolve(model)) !== 'model' || !existsSync(`${run}/run.json`)) return [];
  const { state, metrics } = readRun(run);
  if (state !== 'done') return [];
  return metrics.flatMap(({ name, value, unit }) =>
    value === null || !/held-out|perplexity|bits/.test(name)
      ? []
      : [{ name: 'held-out text', metric: unit ? `${name} (${unit})` : name, value }],
  );
}

/** Metrics from files of `tsumugi eval --out FILE`. @throws DataError for another file, UserError when it is of another model */
async function evaluationMetrics(files: readonly string[], model: string): Promise<CardEvaluation[]> {
  if (files.length === 0) return [];
  const hash = await new Artefact(model).hash();
  return files.flatMap((file) => {
    const { tasks } = (readJsonValue(file) ?? {}) as Partial<EvaluationReport>;
    if (!Array.isArray(tasks))
      throw new DataError('no-evaluation', `${file} holds no results of "tsumugi eval --out"`, {
        remedy: 'Name the file that --out of tsumugi eval wrote.',
        fields: { path: file },
      });
    return tasks.flatMap(({ task, metric, metrics, n, model: measured, settings }) => {
      if (measured?.kind !== 'engine' || measured.fingerprint !== hash)
        throw new UserError('other-model', `${file} has the results of another model: ${measured?.model}`, {
          remedy: `Measure ${model} itself: tsumugi eval ${task} --model ${model} --out ${file}`,
          fields: { path: file, model },
        });
      const name = settings?.['limit'] === undefined ? task : `${task} (first ${settings['limit']})`;
      const { value, low, high } = metrics[metric] ?? {};
      return typeof value !== 'number'
        ? []
        : [{ name, metric, value, low: low ?? undefined, high: high ?? undefined, samples: n }];
    });
  });
}
