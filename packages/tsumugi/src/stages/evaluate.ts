// Stage: models → how well they predict the held-out text, in rows of several lengths, and how they do on evaluation tasks.
// Each measurement is kept in a file of its own: a stage that was cut off measures only what is missing. Each is made as a whole,
// since answers depend, in their last digits, on the others in their batch.
import { join } from 'node:path';
import { ConfigError, suggestion } from '../base/index.ts';
import {
  evaluate as evaluateTasks,
  findTasks,
  openBackend,
  optionsOf,
  type Task,
  type TaskReport,
  unknownOption,
} from '../eval/index.ts';
import { loadModel, type Plamo2Config } from '../lm/index.ts';
import { defineStage, type StageInput } from '../recipe/index.ts';
import { formatInteger, Interrupt, Progress, type ProgressStream } from '../run/index.ts';
import { openTokenizer, TokenShards } from '../text/index.ts';
import { evaluateHeldOut, forecastMemory } from '../train/index.ts';
import { evaluateConfig } from './config.ts';
import { TINY_TOKENS } from './dry-run.ts';
import { foundSchema, type HeldOut, heldOutSchema, type TaskMetrics } from './evaluation-manifest.ts';
import { resultsOf } from './evaluation-results.ts';
import { keep, kept } from './kept.ts';
import { modelConfigOf } from './model-config.ts';
import { secondsPerHeldOutToken } from './training-forecast.ts';
import { usesTasks } from './uses-tasks.ts';

type Config = ReturnType<typeof evaluateConfig.parse>;

/** Tokens that a small task reads. How many it will be is known only when a task runs. Our guess, for forecasts alone. */
export const taskTokens = 50_000;

export const evaluate = defineStage({
  name: 'evaluate',
  version: 1,
  makes: 'metrics',
  inputs: { models: ['model'], data: 'data' },
  config: evaluateConfig,
  output: 'results',
  resumes: true,
  dryRun: () => ({ sequenceLengths: [TINY_TOKENS], batchTokens: 4 * TINY_TOKENS, limit: 2 }),
  async uses({ tasks, options }) {
    const found = await findTasks(tasks);
    requireKnown(options, found);
    return await usesTasks(found);
  },
  forecast({ config, inputs }) {
    const heldOut = inputs.data.metrics['held-out tokens'] ?? 0;
    const secondsOf = (model: StageInput) => {
      const shape = modelConfigOf(model);
      const each = config.sequenceLengths.map((length) => secondsPerHeldOutToken(shape, length));
      return each.reduce((sum, perToken) => sum + perToken * heldOut, each[0]! * taskTokens * config.tasks.length);
    };
    return {
      seconds: inputs.models.reduce((sum, model) => sum + secondsOf(model), 1),
      memory: largest(inputs.models.map((model) => forwardMemory(modelConfigOf(model), config))),
      diskBytes: 2 ** 20,
      lowers: { memory: ['batchTokens'], time: ['limit', 'tasks', 'sequenceLengths'] },
    };
  },
  async run({ config, inputs, folder, stream }) {
    const place = join(folder, 'results');
    const heldOut: HeldOut[] = [];
    const tasks: TaskMetrics[] = [];
    const abort = new AbortController();
    using interrupt = new Interrupt((message) => {
      stream.write(`${message}\n`);
      abort.abort();
    });
    for (const model of inputs.models) {
      for (const sequenceLength of config.sequenceLengths) {
        const file = join(place, `${model.name}-held-out-${sequenceLength}.json`);
        heldOut.push(
          kept(file, heldOutSchema, stream) ??
            keep(file, await measure(model, inputs.data, sequenceLength, config, interrupt.pause)),
        );
        stream.write(`  ${describe(heldOut.at(-1)!)}\n`);
        if (await interrupt.poll()) return { interrupted: true };
      }
      for (const name of config.tasks) {
        const file = join(place, `${model.name}-${name.replaceAll(/[^\w-]/g, '_')}.json`);
        let found = kept(file, foundSchema, stream);
        if (found === undefined) {
          const asked = await ask(model, name, config, abort.signal, stream);
          if (asked === undefined) return { interrupted: true };
          found = keep(file, asked);
        }
        tasks.push(...found);
        if (await interrupt.poll()) return { interrupted: true };
      }
    }
    return resultsOf(inputs.models, config.sequenceLengths, heldOut, tasks);
  },
});

type Memory = { what: string; bytes: number }[];

/** Of several, one after the other. */
export const largest = (all: readonly Memory[]): Memory => {
  const total = (memory: Memory) => memory.reduce((sum, { bytes }) => sum + bytes, 0);
  return all.reduce((a, b) => (total(b) > total(a) ? b : a), []);
};

/** Memory of a forward pass. */
export function forwardMemory(
  model: Plamo2Config,
  { batchTokens, sequenceLengths }: Pick<Config, 'batchTokens' | 'sequenceLengths'>,
): Memory {
  const shape = { sequenceLength: 256, batchSize: 1, activationCheckpointing: false };
  const { parameters, runtimeBytes } = forecastMemory(model, shape);
  const tokens = Math.max(batchTokens, ...sequenceLengths);
  const { hidden_size, intermediate_size, vocab_size } = model;
  const floats = tokens * (8 * hidden_size + 3 * intermediate_size) + Math.min(tokens, 4096) * vocab_size;
  return [
    { what: 'Node, libtorch, memory kept for reuse', bytes: runtimeBytes },
    { what: 'weights', bytes: 4 * parameters },
    // Hidden states and logits, and as much again of what was freed and is kept (measured 2026).
    { what: 'activations', bytes: 8 * floats },
  ];
}

/** @throws ConfigError for an option that none of the tasks has */
function requireKnown(options: Config['options'], tasks: readonly Task[]): void {
  const unknown = unknownOption(tasks, options);
  if (unknown === undefined) return;
  const { name, known } = unknown;
  throw new ConfigError('unknown-option', `none of the evaluation tasks has an option "${name}"`, {
    remedy: known.length > 0 ? suggestion(name, known) : 'Leave options away.',
    fields: { option: name, known },
  });
}

async function measure(
  { name, path }: StageInput,
  data: StageInput,
  sequenceLength: number,
  { batchTokens }: Config,
  pause: () => Promise<void>,
): Promise<HeldOut> {
  using model = loadModel(path);
  using shards = TokenShards.open(data.path, { tokenizerHash: openTokenizer(path).sha256 });
  const batchSize = Math.max(1, Math.floor(batchTokens / sequenceLength));
  const { bitsPerCharacter, perplexity } = await evaluateHeldOut(model, shards, { sequenceLength, batchSize, pause });
  return { model: name, sequenceLength, bitsPerCharacter, perplexity };
}

const describe = ({ model, sequenceLength, bitsPerCharacter }: HeldOut) =>
  `${model}: ${bitsPerCharacter.toFixed(4)} bits per character in rows of ${formatInteger(sequenceLength)}`;

/** The tasks of a name on a model; undefined when it was interrupted. */
async function ask(
  { name, path }: StageInput,
  task: string,
  { limit, shots, seed, options }: Config,
  signal: AbortSignal,
  stream: ProgressStream,
): Promise<TaskMetrics[] | undefined> {
  const tasks = await findTasks([task]);
  await using backend = await openBackend({ model: path });
  using progress = new Progress({ label: `${name} ${task}`, total: 100, stream });
  const taskOptions = Object.assign({}, ...tasks.map((each) => optionsOf(each, options)));
  const settings = { limit, shots, seed, taskOptions, signal };
  const report = await evaluateTasks({
    tasks,
    backend,
    ...settings,
    onProgress: ({ done, requests }) =>
      progress.update({ step: Math.floor(100 * done), note: `${formatInteger(requests)} requests` }),
  });
  return report.interrupted ? undefined : report.tasks.map((found) => metricsOf(name, found));
}

/** The part of a report that does not depend on when and where it was measured. */
function metricsOf(model: string, report: TaskReport): TaskMetrics {
  const { task, version, metric, lowerIsBetter, metrics, groups, n, settings, promptHash, requestsHash, heatmap } =
    report;
  const { title, xLabel, yLabel, x = [], y = [], values = [], scale } = heatmap ?? {};
  return {
    model,
    task,
    version,
    metric,
    lowerIsBetter,
    metrics,
    groups,
    n,
    settings,
    promptHash,
    requestsHash,
    ...(heatmap && {
      heatmap: {
        title: `${model}: ${title}`,
        xLabel: xLabel ?? '',
        yLabel: yLabel ?? '',
        x: [...x],
        y: [...y],
        values: values.map((row) => [...row]),
        ...(scale && { scale }),
      },
    }),
  };
}
