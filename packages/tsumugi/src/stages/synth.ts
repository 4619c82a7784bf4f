// Stage: documents or rows, and a model or an endpoint → examples to learn from, by a pipeline of asking and filtering.
import { ConfigError, contentHash } from '../base/index.ts';
import { Interrupted, openBackend } from '../eval/index.ts';
import { defineStage, metric, type StageInput } from '../recipe/index.ts';
import { Interrupt, Progress } from '../run/index.ts';
import {
  asksOnly,
  checkPipeline,
  type PipelineConfig,
  pipelineFiles,
  planPipeline,
  requireExamples,
  runPipeline,
} from '../synth/index.ts';
import { readingConfig, synthStageConfig } from './config.ts';
import { forwardMemory } from './evaluate.ts';
import { modelConfigOf } from './model-config.ts';
import { secondsPerHeldOutToken } from './training-forecast.ts';

type Config = ReturnType<typeof synthStageConfig.parse>;

/** A row of the result in bytes, its provenance with it; our guess, for forecasts alone. */
const bytesPerExample = 1500;

export const synth = defineStage({
  name: 'synth',
  version: 1,
  makes: 'examples',
  inputs: { model: ['model'], data: ['text'] },
  config: synthStageConfig,
  output: 'examples',
  resumes: true,
  dryRun: ({ rows }) => ({ rows: rows.slice(0, 2) }),
  check(config, { model, data }) {
    checkPipeline(config);
    if (model.length > 1 || data.length > 1)
      throw new ConfigError('too-many-inputs', 'a pipeline begins with one text, and asks one model', {
        remedy: 'Give it one of each, or none.',
      });
    const endpoint = config.endpoint !== undefined && config.model !== undefined;
    if ((model.length === 1) === endpoint)
      throw new ConfigError('bad-model', 'a pipeline asks a model that it is given, or one at an endpoint', {
        remedy: 'Give it a model as input, or set endpoint and model.',
      });
  },
  async uses(config) {
    const files = pipelineFiles(config);
    return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await contentHash(file)] as const)));
  },
  async forecast({ config, inputs }) {
    const plan = await planPipeline(pipelineOf(config, inputs));
    const [model] = inputs.model;
    const shape = model && modelConfigOf(model);
    const each = shape ? secondsPerHeldOutToken(shape, 256) : 0;
    return {
      // Of an endpoint nothing is known.
      seconds: 1 + (plan.read + plan.write) * each,
      memory: shape ? forwardMemory(shape, { batchTokens: 4096, sequenceLengths: [256] }) : [],
      diskBytes: 4 * plan.write + bytesPerExample * plan.requests,
      metrics: { examples: plan.examples },
      lowers: { time: ['steps'] },
    };
  },
  async run({ config, inputs, folder, recipe, stream }) {
    const pipeline = pipelineOf(config, inputs);
    const abort = new AbortController();
    using _interrupt = new Interrupt((message) => {
      stream.write(`${message}\n`);
      abort.abort();
    });
    await using backend = await openModel(pipeline, inputs.model[0]?.path);
    using progress = new Progress({ label: 'synth', total: 1000, stream });
    const onProgress = ({ fraction }: { fraction: number }) => progress.update({ step: Math.floor(1000 * fraction) });
    try {
      const run = { backend, out: folder, recipe, signal: abort.signal, onProgress };
      const report = await runPipeline(pipeline, run);
      requireExamples(report);
      const { steps, examples, tokens } = report;
      return {
        metrics: [
          metric('examples', examples),
          metric('tokens read', tokens.read),
          metric('tokens written', tokens.write),
        ],
        tables: [
          {
            title: 'Rows through the pipeline',
            columns: ['step', 'came', 'passed on', 'dropped', 'failed', 'waiting'],
            rows: steps.map((s) => [s.step, s.rows, s.passed, s.dropped, s.failed, s.waiting]),
          },
        ],
      };
    } catch (error) {
      if (error instanceof Interrupted) return { interrupted: true };
      throw error;
    }
  },
});

interface Inputs {
  readonly model: readonly StageInput[];
  readonly data: readonly StageInput[];
}

/** The pipeline with its documents. What its settings say of files counts from the working folder. */
function pipelineOf(config: Config, { data: [text] }: Inputs): PipelineConfig {
  const { documentCharacters } = readingConfig.parse(text?.settings ?? {});
  return { ...config, data: [...(text?.paths ?? [])], documentCharacters };
}

function openModel(pipeline: PipelineConfig, folder: string | undefined) {
  const { endpoint, model, apiKeyEnv, concurrency, timeout } = pipeline;
  if (folder !== undefined) return openBackend({ model: folder });
  const chat = asksOnly(pipeline) ? 'chat' : undefined;
  return openBackend({ model: model!, endpoint, apiKeyEnv, concurrency, timeoutSeconds: timeout, chat });
}
