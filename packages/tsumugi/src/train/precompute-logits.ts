// A teacher's logits for a distillation, computed once and kept on disk: they depend on the teacher and the rows alone, so every student
// that sees the same rows learns from them, and the teacher need not be in memory then.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ConfigError, checkOptions, type OptionNames } from '../base/index.ts';
import { loadModel, type Plamo2, type Plamo2Config, readModelConfig } from '../lm/index.ts';
import { type Forecast, formatForecast, requireFits } from '../loop/index.ts';
import { distillationChunk, type TopK, topKOf } from '../nn/index.ts';
import { holdPlace, type ProgressStream } from '../run/index.ts';
import { Artefact, type NamedTensor } from '../store/index.ts';
import { openTokenizer, TokenShards } from '../text/index.ts';
import { cat, parseDevice, scope, type Tensor } from '../torch/index.ts';
import { toTensors } from './batches.ts';
import { taughtBy } from './distill-loss.ts';
import { KeptLogits, rowsHash } from './kept-logits.ts';
import type { LogitsConfig } from './logits-config.ts';
import { LogitsFolder } from './logits-folder.ts';
import { logitsSpace, logitsTime } from './logits-forecast.ts';
import { LOGITS_MANIFEST, type LogitsOrigin, readLogitsManifest, requireSameOrigin } from './logits-manifest.ts';
import { packedSteps } from './packed-steps.ts';
import { rowsOf, type StepBatch } from './step-gradients.ts';

export interface LogitsResult {
  readonly folder: string;
  readonly steps: number;
  /** Of them in this call; the others were there. */
  readonly computed: number;
  readonly tokens: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface LogitsOptions {
  /** After each step; may wait, and may throw to end it: what is done stays, and the next call goes on there. */
  onProgress?: ((progress: { done: number; steps: number }) => Promise<void> | void) | undefined;
}

const optionNames: OptionNames<LogitsOptions> = { onProgress: true };
const planOptions: OptionNames<{ stream?: ProgressStream }> = { stream: true };

interface Opened extends Disposable {
  origin: LogitsOrigin;
  teacher: Plamo2Config;
  batch(step: number): StepBatch;
  /** @throws DataError when the teacher's files have changed meanwhile */
  requireUnchanged(): void;
}

async function opened(config: LogitsConfig): Promise<Opened> {
  const folder = new Artefact(config.teacher);
  const teacher = readModelConfig(folder);
  const { topK, temperature, teacherDtype, sequenceLength, batchSize, gradientAccumulation, seed, steps } = config;
  if (topK >= teacher.vocab_size)
    throw new ConfigError('bad-setting', `topK is ${topK}, but the vocabulary has ${teacher.vocab_size} tokens`, {
      remedy: 'Set topK below that: there are always other tokens, whose mass is kept as one.',
      fields: { topK, vocabularySize: teacher.vocab_size },
    });
  const { sha256: tokenizer } = openTokenizer(config.teacher);
  const files = await folder.hashed();
  using stack = new DisposableStack();
  const shards = stack.use(TokenShards.open(config.data, { tokenizerHash: tokenizer }));
  const data = await shards.verify();
  const { batch } = packedSteps(shards, { ...config, predictEnd: false });
  const rows = { sequenceLength, batchSize, gradientAccumulation, seed, steps };
  const owned = stack.move();
  return {
    origin: {
      teacher: { name: config.teacher, sha256: files.hash },
      data,
      tokenizer,
      vocabularySize: teacher.vocab_size,
      ...{ topK, temperature, teacherDtype },
      ...rows,
    },
    teacher,
    batch,
    requireUnchanged: () => files.requireUnchanged(),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/**
 * Prints what it will take, and returns it; nothing is written. The time comes from a second or two of rehearsal.
 *
 * @throws as `precomputeLogits` before it writes
 */
export async function planPrecomputeLogits(
  config: LogitsConfig,
  options: { stream?: ProgressStream } = {},
): Promise<Forecast> {
  checkOptions('planPrecomputeLogits', options, planOptions);
  using task = await opened(config);
  const space = logitsSpace(task.teacher, config);
  requireFits(space);
  const forecast = { ...space, ...logitsTime(task.teacher, config) };
  (options.stream ?? process.stderr).write(`${formatForecast(forecast)}\n`);
  return forecast;
}

/**
 * Writes the teacher's `topK` likeliest tokens of every prediction of the first `steps` steps that a distillation with these
 * settings takes, with their log-probabilities and that of all other tokens together, to the folder `config.out`. The folder
 * appears when it is whole; what was cut off lies beside it and goes on with the next call. Equal settings give equal bytes.
 *
 * @throws ConfigError (topK), DataError (no teacher, another tokenizer, logits of something else in the place), UserError
 *   `not-enough-memory` or `not-enough-disk` before anything is written
 */
export async function precomputeLogits(config: LogitsConfig, options: LogitsOptions = {}): Promise<LogitsResult> {
  checkOptions('precomputeLogits', options, optionNames);
  const began = performance.now();
  using task = await opened(config);
  const { origin, batch } = task;
  const { out, steps, sequenceLength, batchSize, gradientAccumulation } = config;
  const result = (computed: number): LogitsResult => ({
    folder: out,
    steps,
    computed,
    tokens: steps * sequenceLength * batchSize * gradientAccumulation,
    bytes: logitsSpace(task.teacher, config).disk[0]!.bytes,
    seconds: (performance.now() - began) / 1000,
  });
  const isThere = () => existsSync(join(out, LOGITS_MANIFEST));
  using _held = isThere() ? undefined : holdPlace(out);
  if (isThere()) {
    requireSameOrigin(out, readLogitsManifest(out), origin);
    using _ = await KeptLogits.open(out);
    return result(0);
  }
  const folder = new LogitsFolder(out, origin);
  requireFits(logitsSpace(task.teacher, config, folder.done));
  const computed = steps - folder.done;
  if (computed > 0) {
    using teacher = loadModel(config.teacher, { dtype: config.teacherDtype, device: parseDevice(config.device) });
    while (folder.done < steps) {
      scope(() => {
        const rows = batch(folder.done);
        folder.add(rowsHash(rows.batch.tokens), stepLogits(teacher, rows, config));
      });
      await options.onProgress?.({ done: folder.done, steps });
      await setImmediate(); // Ctrl-C is heard between steps
    }
    task.requireUnchanged();
  }
  folder.commit();
  return result(computed);
}

/** Computed in the same pieces as within a distillation, so that the bits are the same. */
function stepLogits(
  teacher: Plamo2,
  { batch, microRows }: StepBatch,
  { topK, temperature }: LogitsConfig,
): NamedTensor[] {
  const found: TopK[] = [];
  const chunk = distillationChunk(teacher.config.vocab_size);
  for (let first = 0; first < batch.rows; first += microRows)
    found.push(
      ...scope(() => {
        const { logits } = taughtBy(teacher, toTensors(rowsOf(batch, first, microRows), teacher.parameterDevice), []);
        const tokens = microRows * batch.columns;
        const parts: TopK[] = [];
        for (let from = 0; from < tokens; from += chunk)
          parts.push(scope(() => topKOf(logits(from, Math.min(chunk, tokens - from)) as Tensor, topK, temperature)));
        return parts;
      }),
    );
  return [
    ['indices', cat(found.map(({ indices }) => indices)).to('int32')],
    ['logProbabilities', cat(found.map((each) => each.logProbabilities))],
  ];
}
