// `tsumugi synth run`: a pipeline of synthetic data.
import { statSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { ConfigError, signalExitCode } from '../base/index.ts';
import { Interrupted, openBackend } from '../eval/index.ts';
import { formatCount, formatInteger, Interrupt } from '../run/index.ts';
import {
  asksOnly,
  type PipelineConfig,
  type PipelinePlan,
  pipelineConfig,
  planPipeline,
  readPipelineFile,
  requireExamples,
  runPipeline,
  type SynthReport,
} from '../synth/index.ts';
import { openTokenizer } from '../text/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { options as evalOptions } from './eval-options.ts';
import { folderOf } from './hub-folder.ts';
import { type Io, write } from './io.ts';
import { chooseDevice, defaultDType, modelOptions } from './model-options.ts';
import type { OptionValues } from './options.ts';
import { ProgressLine } from './progress.ts';
import { applySettings } from './settings.ts';
import { withoutEffect } from './without-effect.ts';

const options = {
  config: { type: 'string', value: 'FILE', required: true, help: 'the pipeline, as YAML or JSON' },
  set: { type: 'list', value: 'KEY=VALUE', help: 'change single settings' },
  out: { type: 'string', value: 'DIR', required: true, help: 'folder of the run: DIR/examples is what it makes' },
  data: { type: 'list', value: 'PATH', help: 'rows or documents to begin with (jsonl, json, parquet, txt, md)' },
  model: evalOptions.model,
  endpoint: evalOptions.endpoint,
  apiKeyEnv: evalOptions.apiKeyEnv,
  concurrency: evalOptions.concurrency,
  timeout: evalOptions.timeout,
  device: modelOptions.device,
  dtype: modelOptions.dtype,
  maxTokens: { type: 'integer', min: 1, help: 'tokens to read and write in all; the rest waits for a later run' },
  seed: { type: 'integer', min: 0, max: 2 ** 32 - 1, help: 'of all replies (default 0)' },
  retryFailed: { type: 'boolean', help: 'ask once more for what failed, with other seeds' },
  plan: { type: 'boolean', help: 'print how many requests and tokens it would take at most, and stop' },
  priceRead: { type: 'number', min: 0, help: 'with --plan: price of a million tokens that are read' },
  priceWrite: { type: 'number', min: 0, help: 'with --plan: price of a million tokens that are written' },
  json: { type: 'boolean', help: 'print the result as JSON' },
} as const;

type Values = OptionValues<typeof options>;

export const run = defineCommand(
  {
    command: 'tsumugi synth run',
    summary: 'run a pipeline: a model is asked, its replies are filtered',
    options,
    details: `Answers are kept in --out: a run that was stopped goes on with the same command, and asks only what is missing.
Paths in the file count from the folder it lies in.\n\n${settingsHelp(pipelineConfig)}`,
  },
  async (values, io) => {
    const { config, folder } = settingsOf(values);
    const { priceRead, priceWrite, retryFailed, plan } = values;
    if (plan) {
      withoutEffect('--plan prints and ends', { retryFailed });
      return await showPlan(values, await planned(config, folder, values, io), io);
    }
    withoutEffect('there is no --plan', { priceRead, priceWrite });
    return await runIt(values, config, folder, io);
  },
);

/** The settings of file and options; paths of the file count from its folder, those of options from here. */
function settingsOf(values: Values): { config: PipelineConfig; folder: string } {
  const { config: file, set, data, model, endpoint, apiKeyEnv, concurrency, timeout, maxTokens, seed } = values;
  const { settings, folder } = readPipelineFile(file);
  const own = { model, endpoint, apiKeyEnv, concurrency, timeout, maxTokens, seed };
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const here = data.map((path) => (isAbsolute(path) ? path : relative(folder, path)));
  const all = { ...settings, ...given, ...(here.length > 0 && { data: here }) };
  const config = applySettings(pipelineConfig, all, set, file, Object.keys(own));
  return { config: { ...config, model: modelOf(config, folder, model !== undefined) }, folder };
}

/** A folder or file that the pipeline's file names beside itself. */
function modelOf({ model, endpoint }: PipelineConfig, folder: string, fromOption: boolean): string | undefined {
  if (model === undefined || endpoint !== undefined || fromOption || isAbsolute(model)) return model;
  const beside = join(folder, model);
  return statSync(beside, { throwIfNoEntry: false }) ? beside : model;
}

async function planned(
  config: PipelineConfig,
  folder: string,
  { priceRead, priceWrite }: Values,
  io: Io,
): Promise<PipelinePlan> {
  const prices =
    priceRead === undefined && priceWrite === undefined ? undefined : { read: priceRead ?? 0, write: priceWrite ?? 0 };
  return await planPipeline(config, { folder, countTokens: await counterOf(config, io), prices });
}

/** The tokens of a model folder's own tokenizer. */
async function counterOf({ model, endpoint }: PipelineConfig, io: Io): Promise<((text: string) => number) | undefined> {
  if (model === undefined || endpoint !== undefined || statSync(model, { throwIfNoEntry: false })?.isFile())
    return undefined;
  const { tokenizer } = openTokenizer(await folderOf(model, 'model', io));
  return (text) => tokenizer.encode(text, { safe: true }).length;
}

async function showPlan({ json }: Values, plan: PipelinePlan, io: Io): Promise<void> {
  if (json) return write(io.stdout, `${JSON.stringify(plan)}\n`);
  const { rows, steps, requests, read, write: written, cost } = plan;
  const line = (requests: number, read: number, written: number) =>
    `${formatInteger(requests)} requests, about ${formatCount(read)} tokens to read, ${formatCount(written)} to write at most`;
  const lines = [
    `${formatInteger(rows)} rows`,
    ...steps.map((each) => `${each.step}: ${line(each.requests, each.read, each.write)}`),
    `in all at most: ${line(requests, read, written)}`,
    cost === undefined
      ? 'cost: give --price-read and --price-write, of a million tokens'
      : `cost at most, at these prices: ${cost.toFixed(2)}`,
  ];
  await write(io.stdout, `${lines.join('\n')}\n`);
}

async function runIt(values: Values, config: PipelineConfig, folder: string, io: Io): Promise<number> {
  const { out, json, retryFailed } = values;
  await using backend = await openModel(config, values, io);
  const controller = new AbortController();
  using _interrupt = new Interrupt(() => {
    io.stderr.write('\nending after what is being asked (Ctrl-C again to end at once)\n');
    controller.abort();
  });
  using progress = new ProgressLine(io.stderr, 'synth');
  try {
    const report = await runPipeline(config, {
      backend,
      out,
      folder,
      retryFailed,
      signal: controller.signal,
      onProgress: ({ fraction, asked, known, failed, tokens }) => {
        const more = `${known > 0 ? `, ${known} known` : ''}${failed > 0 ? `, ${failed} failed` : ''}`;
        progress.update(fraction, `${asked} answers${more}, ${formatCount(tokens)} tokens`);
      },
    });
    progress[Symbol.dispose]();
    await write(io.stdout, json ? `${JSON.stringify(report)}\n` : formatReport(report, out));
    requireExamples(report);
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    progress[Symbol.dispose]();
    io.stderr.write(`stopped; answers are kept in ${out}, the same command goes on from here\n`);
    return signalExitCode();
  }
}

async function openModel(config: PipelineConfig, values: Values, io: Io) {
  const { model, endpoint, apiKeyEnv, concurrency, timeout } = config;
  if (model === undefined)
    throw new ConfigError(
      'missing-option',
      'a pipeline needs --model: a folder, a .gguf file, or a name at --endpoint',
      {
        remedy: 'Give it there, or as "model" in the settings.',
      },
    );
  if (endpoint === undefined) {
    withoutEffect('there is no --endpoint', { apiKeyEnv, concurrency: values.concurrency, timeout: values.timeout });
    const device = chooseDevice(values.device);
    return await openBackend({
      model: await folderOf(model, 'model', io),
      device,
      dtype: values.dtype ?? defaultDType(device),
    });
  }
  withoutEffect('an endpoint has its own', { device: values.device, dtype: values.dtype });
  const chat = asksOnly(config) ? 'chat' : undefined;
  return await openBackend({ model, endpoint, apiKeyEnv, concurrency, timeoutSeconds: timeout, chat });
}

function formatReport(
  { rows, examples, steps, asked, known, tokens, stopped, path }: SynthReport,
  out: string,
): string {
  const lines = steps.map(({ step, rows: came, passed, dropped, failed, waiting }) => {
    const more = [
      ...(dropped > 0 ? [`${formatInteger(dropped)} dropped`] : []),
      ...(failed > 0 ? [`${formatInteger(failed)} failed`] : []),
      ...(waiting > 0 ? [`${formatInteger(waiting)} waiting`] : []),
    ];
    return `${step}: ${formatInteger(came)} → ${formatInteger(passed)}${more.length > 0 ? `, ${more.join(', ')}` : ''}\n`;
  });
  const failed = steps.some((step) => step.failed > 0)
    ? `what failed is in ${join(out, 'report', 'failed.jsonl')}: ask again with --retry-failed\n`
    : '';
  const waits = stopped ? 'stopped at the limit of tokens: raise --max-tokens to go on\n' : '';
  const used = `${formatInteger(asked)} answers asked for, ${formatInteger(known)} known; ${formatCount(tokens.read)} tokens read, ${formatCount(tokens.write)} written in all`;
  return `${lines.join('')}${used}\n${failed}${waits}${formatInteger(rows)} rows → ${formatInteger(examples)} examples in ${path}\n`;
}
