// A teacher's logits for a distillation, computed once and kept on disk: they depend on the teacher and the rows alone, so every student
// that sees the same rows learns from them, and the teacher need not be in memory then.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ConfigError, checkOptions, type OptionNames, UserError } from '../base/index.ts';
import { loadModel, type Plamo2, type Plamo2Config, readModelConfig } from '../lm/index.ts';
import { type Forecast, formatForecast, requireFits } from '../loop/index.ts';
import { distillationChunk, type TopK, topKOf } from '../nn/index.ts';
import { holdPlace, type ProgressStream } from '../run/index.ts';
import { Artefact, type NamedTensor } from '../store/index.ts';
import { EvaluationBatches, openTokenizer, TokenShards } from '../text/index.ts';
import { cat, parseDevice, scope, type Tensor } from '../torch/index.ts';
import { toTensors } from './batches.ts';
import { taughtBy } from './distill-loss.ts';
import { KeptLogits, rowsHash } from './kept-logits.ts';
import type { LogitsConfig } from './logits-config.ts';
import { LogitsFolder } from './logits-folder.ts';
import { logitsSpace, logitsTime } from './logits-forecast.ts';
import {
  LOGITS_MANIFEST,
  type LogitsOrigin,
  partsOf,
  readLogitsManifest,
  requireSameOrigin,
} from './logits-manifest.ts';
import { packedSteps } from './packed-steps.ts';
import { rowsOf, type StepBatch } from './step-gradients.ts';

export interface LogitsResult {
  readonly folder: string;
  readonly steps: number;
  /** Steps in this call; the others were there. */
  readonly computed: number;
  /** Of the steps. */
  readonly tokens: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface LogitsOptions {
  /** After each step, and each batch of held-out text; may wait, and may throw to end it: what is done stays, and the next call goes on there. */
  onProgress?: ((progress: { done: number; total: number }) => Promise<void> | void) | undefined;
}

const optionNames: OptionNames<LogitsOptions> = { onProgress: true };
const planOptions: OptionNames<{ stream?: ProgressStream }> = { stream: true };

interface Part {
  rows: StepBatch;
  temperature: number;
}

interface Opened extends Disposable {
  origin: LogitsOrigin;
  teacher: Plamo2Config;
  /** The rows of each part: steps, then batches of held-out text. */
  parts(from: number): Iterable<Part>;
  /** @throws DataError when the teacher's files have changed meanwhile */
  requireUnchanged(): void;
}

async function opened(config: LogitsConfig): Promise<Opened> {
  const folder = new Artefact(config.teacher);
  const teacher = readModelConfig(folder);
  const { topK, temperature, teacherDtype, sequenceLength, batchSize, gradientAccumulation, seed, steps } = config;
  const { evaluateTokens } = config;
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
  const heldOut =
    shards.manifest.heldOut.documents === 0
      ? undefined
      : new EvaluationBatches(shards, { sequenceLength, batchSize, maxTokens: evaluateTokens });
  const heldOutBatches = heldOut?.length ?? 0;
  const rows = { sequenceLength, batchSize, gradientAccumulation, seed, steps, evaluateTokens, heldOutBatches };
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
    *parts(from) {
      for (let step = from; step < steps; step++) yield { rows: batch(step), temperature };
      let part = steps;
      for (const each of heldOut ?? [])
        if (part++ >= from) yield { rows: { batch: each, microRows: batchSize, tokensSeen: 0 }, temperature: 1 };
    },
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
  const { heldOutBatches } = task.origin;
  const space = logitsSpace(task.teacher, config, heldOutBatches);
  requireFits(space);
  const forecast = { ...space, ...logitsTime(task.teacher, config, heldOutBatches) };
  (options.stream ?? process.stderr).write(`${formatForecast(forecast)}\n`);
  return forecast;
}

/**
 * Writes the teacher's `topK` likeliest tokens of every prediction of the first `steps` steps that a distillation with these
 * settings takes, and of the held-out text that it measures, with their log-probabilities and that of all other tokens together, to
 * the folder `config.out`. The folder
 * appears when it is whole; what was cut off lies beside it and goes on with the next call. Equal settings give equal bytes.
 *
 * @throws ConfigError (topK), DataError (no teacher, another tokenizer, logits of something else in the place), UserError
 *   `not-enough-memory` or `not-enough-disk` before anything is written
 */
export async function precomputeLogits(config: LogitsConfig, options: LogitsOptions = {}): Promise<LogitsResult> {
  checkOptions('precomputeLogits', options, optionNames);
  const began = performance.now();
  using task = await opened(config);
  const { origin } = task;
  const { out, steps, sequenceLength, batchSize, gradientAccumulation } = config;
  const result = (computed: number): LogitsResult => ({
    folder: out,
    steps,
    computed,
    tokens: steps * sequenceLength * batchSize * gradientAccumulation,
    bytes: logitsSpace(task.teacher, config, origin.heldOutBatches).disk[0]!.bytes,
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
  requireFits(logitsSpace(task.teacher, config, origin.heldOutBatches, folder.done));
  const computed = Math.max(0, steps - folder.done);
  const all = partsOf(origin);
  if (folder.done < all) {
    using teacher = loadModel(config.teacher, { dtype: config.teacherDtype, device: parseDevice(config.device) });
    for (const { rows, temperature } of task.parts(folder.done)) {
      scope(() => folder.add(rowsHash(rows.batch.tokens), partLogits(teacher, rows, config.topK, temperature)));
      await options.onProgress?.({ done: folder.done, total: all });
      await setImmediate(); // Ctrl-C is heard between steps
    }
    task.requireUnchanged();
  }
  folder.commit();
  return result(computed);
}

/** Computed in the same pieces as within a distillation, so that the bits are the same. */
function partLogits(
  teacher: Plamo2,
  { batch, microRows }: StepBatch,
  topK: number,
  temperature: number,
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
  if (found.some(({ logProbabilities }) => scope(() => logProbabilities.isnan().any().item())))
    throw new UserError('not-finite', 'the teacher reads the text with numbers that are not finite', {
      remedy: 'Find out where its weights went wrong: "tsumugi score" names the tensor or the layer.',
    });
  return [
    ['indices', cat(found.map(({ indices }) => indices)).to('int32')],
    ['logProbabilities', cat(found.map((each) => each.logProbabilities))],
  ];
}
