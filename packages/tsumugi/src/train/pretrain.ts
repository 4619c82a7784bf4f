// Pre-training, from token shards to a model folder, top to bottom: open the data, build the model, forecast, train,
// save. Everything that is random follows from `seed`, and batch k is a function of (seed, k), so a resumed run goes on
// bit for bit.
import { existsSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ConfigError, deriveSeed } from '../base/index.ts';
import {
  generateText,
  initialWeights,
  openTokenizer,
  Plamo2,
  type Plamo2Config,
  parameterTable,
  preset,
  saveModel,
} from '../lm/index.ts';
import {
  AdamW,
  constant,
  decayGroups,
  linear,
  type Schedule,
  sequence,
  warmUp,
  warmUpCosine,
  warmUpStableDecay,
} from '../optim/index.ts';
import {
  type Forecast,
  formatForecast,
  formatInteger,
  type ProgressStream,
  RunFolder,
  requireFits,
} from '../run/index.ts';
import { loadLatestCheckpoint } from '../store/index.ts';
import { makeBatch, PackedBatches, type Tokenizer, TokenShards } from '../text/index.ts';
import { backward, type Device, type DType, scope } from '../torch/index.ts';
import { toTensors } from './batches.ts';
import { type Evaluation, evaluateHeldOut } from './evaluate.ts';
import { forecastMemory } from './forecast.ts';
import { restore, runLoop, type StepLoss } from './loop.ts';
import type { PretrainConfig } from './pretrain-config.ts';

export interface PretrainResult {
  interrupted: boolean;
  /** The model folder, once training is complete. */
  folder: string | undefined;
  before: Evaluation;
  after: Evaluation | undefined;
}

/**
 * Trains a model and writes it to `<out>/model`. With `resume`, goes on from the latest complete checkpoint of `out`, or
 * starts anew when there is none yet. `stream` shows forecast and progress.
 *
 * @throws ConfigError, DataError before anything is written; a UserError `diverged` with a diagnosis when the loss is NaN
 */
export async function pretrain(
  config: PretrainConfig,
  options: { resume?: boolean; stream?: ProgressStream } = {},
): Promise<PretrainResult> {
  const { stream = process.stderr } = options;
  const print = (text: string) => void stream.write(`${text}\n`);

  // Data and model.
  const { tokenizer, sha256: tokenizerHash } = openTokenizer(config.tokenizer);
  using shards = TokenShards.open(config.data, { tokenizerHash });
  const modelConfig = preset(config.model, {
    ...(config.modelChanges as Partial<Plamo2Config>),
    vocab_size: tokenizer.vocabSize,
  });
  const batches = new PackedBatches(shards, {
    contextLength: config.contextLength,
    batchSize: config.batchSize * config.accumulate,
    seed: deriveSeed(config.seed, 'batches'),
    predictEnd: config.predictEnd,
  });
  const { parameters, stateBytes, activationBytes } = forecastMemory(modelConfig, config);
  const forecast: Forecast = {
    label: 'pretrain',
    steps: config.steps,
    secondsPerStep: 0,
    memory: [
      { what: 'weights, gradients, optimizer', bytes: stateBytes },
      { what: 'activations', bytes: activationBytes },
    ],
    availableMemoryBytes: process.availableMemory(),
    // A checkpoint holds weights and two moments; the best and one being written come on top.
    diskBytes: parameters * 4 * (3 * (config.keepLast + 2) + 1),
    availableDiskBytes: availableDisk(config.out),
    remedy:
      'Lower batchSize (raise accumulate to make up for it) or keepLast, set checkpointLayers, or take a smaller model.',
  };
  requireFits(forecast);
  using run = openRun(config, options.resume ?? false);
  using checkpoint = loadLatestCheckpoint(run.checkpoints);
  using model = new Plamo2(modelConfig, initialWeights(deriveSeed(config.seed, 'weights'), config.device as Device));
  using optimizer = new AdamW(decayGroups(model), {
    betas: config.betas,
    eps: config.epsilon,
    weightDecay: config.weightDecay,
  });
  const start = checkpoint ? restore({ model, optimizer }, checkpoint) : 0;
  const remembered = (checkpoint?.state as unknown as { task: { steps: number; before: Evaluation } } | undefined)
    ?.task;
  using log = run.openEvents(checkpoint ? start : undefined);

  // Forecast: one step is rehearsed, and the held-out text measured before anything is learned.
  const gradients = stepGradients(model, batches, config);
  const secondsPerStep = rehearse(gradients, optimizer);
  const steps = remembered?.steps ?? plannedSteps(config, secondsPerStep);
  const left = steps - start;
  print(formatParameterTable(modelConfig));
  print(formatForecast({ ...forecast, steps: left, tokens: left * batches.tokensPerStep, secondsPerStep }));
  print(`  ${batches.epochAt(steps).toFixed(1)} epochs of ${batches.tokensPerStep} tokens a step`);
  log.write({ type: 'start', step: start, name: 'pretrain', totalSteps: steps, resumed: start > 0, parameters });
  const measure = (maxTokens?: number) =>
    evaluateHeldOut(model, shards, {
      contextLength: config.contextLength,
      batchSize: config.batchSize,
      dtype: config.dtype as DType,
      ...(maxTokens !== undefined && { maxTokens }),
    });
  const before = remembered?.before ?? measure();
  if (start === 0)
    log.write({
      type: 'evaluation',
      step: 0,
      name: 'held-out',
      metrics: { bitsPerCharacter: before.bitsPerCharacter, crossEntropy: before.crossEntropy },
    });
  print(`  held-out before training: ${before.bitsPerCharacter.toFixed(3)} bits per character`);

  // Training.
  let after: Evaluation | undefined;
  const { interrupted } = await runLoop(
    {
      label: 'pretrain',
      model,
      optimizer,
      steps,
      learningRate: config.learningRate,
      schedule: schedule(config, steps),
      clipNorm: config.clipNorm,
      gradients,
      evaluate(final) {
        const found = measure(final ? undefined : config.evaluateTokens);
        if (final) after = found;
        const { bitsPerCharacter, crossEntropy } = found;
        return { score: bitsPerCharacter, metrics: { bitsPerCharacter, crossEntropy } };
      },
      sample: () => ({ prompt: config.samplePrompt, text: continuation(model, tokenizer, config.samplePrompt) }),
      every: { evaluate: config.evaluateEvery, sample: config.sampleEvery, checkpoint: config.checkpointEvery },
      keepLast: config.keepLast,
      state: { steps, before: { ...before } },
    },
    { run, log, stream },
    start,
  );
  if (interrupted) return { interrupted, folder: undefined, before, after };

  // The result.
  const folder = join(config.out, 'model');
  saveModel(folder, model, {
    tokenizerFolder: config.tokenizer,
    lineage: {
      stage: 'pretrain',
      config: JSON.parse(JSON.stringify(config)),
      seed: config.seed,
      data: [{ name: config.data, sha256: shards.manifest.fingerprint }],
    },
  });
  return { interrupted, folder, before, after: after ?? measure() };
}

/** The run's folder for writing. @throws UserError when there is a run already and it is not to be resumed. */
function openRun(config: PretrainConfig, resume: boolean): RunFolder {
  const begun = existsSync(join(config.out, 'run.json'));
  if (!resume || !begun)
    return RunFolder.create(config.out, { name: 'pretrain', config: JSON.parse(JSON.stringify(config)) });
  const run = RunFolder.resume(config.out);
  const changed = Object.entries(JSON.parse(JSON.stringify(config))).find(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(run.config[key]),
  );
  if (!changed) return run;
  run[Symbol.dispose]();
  throw new ConfigError('config-changed', `${config.out} was started with another "${changed[0]}"`, {
    remedy: `Resume with the settings in ${join(config.out, 'run.json')}, or choose another --out.`,
    fields: { key: changed[0] },
  });
}

/** Free bytes where a folder is or will be. */
function availableDisk(folder: string): number {
  let place = resolve(folder);
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}

/** Trainable parameters by kind of layer, as lines. */
function formatParameterTable(config: Plamo2Config): string {
  const rows = parameterTable(config).map(({ kind, parameters, tensors }) => [kind, parameters, tensors] as const);
  const total = rows.reduce((sum, [, parameters]) => sum + parameters, 0);
  const lines = [...rows, ['all', total, rows.reduce((sum, [, , tensors]) => sum + tensors, 0)] as const].map(
    ([kind, parameters, tensors]) =>
      `  ${kind.padEnd(20)}${formatInteger(parameters).padStart(14)}${`${tensors} tensors`.padStart(14)}`,
  );
  return ['trainable parameters', ...lines].join('\n');
}

/**
 * Forward and backward of one step. The loss is a mean over all targets of the step, so accumulating micro-batches gives
 * the gradients of one large batch.
 */
function stepGradients(model: Plamo2, batches: PackedBatches, config: PretrainConfig): (step: number) => StepLoss {
  const rows = config.batchSize;
  const whole = makeBatch(batches.batchSize, batches.contextLength);
  const { checkpointLayers, zLoss } = config;
  const dtype = config.dtype === 'float32' ? undefined : (config.dtype as DType);
  return (step) => {
    batches.batch(step, whole);
    let crossEntropy = 0;
    let meanSquaredLogsumexp = 0;
    for (let first = 0; first < whole.rows; first += rows) {
      scope(() => {
        const part = <T extends Int32Array>(array: T) =>
          array.subarray(first * whole.columns, (first + rows) * whole.columns);
        const micro = {
          ...whole,
          rows,
          tokens: part(whole.tokens),
          targets: part(whole.targets),
          documents: part(whole.documents),
        };
        const parts = model.loss(toTensors(micro, model.parameterDevice), {
          reduction: 'sum',
          zLoss,
          checkpointLayers,
          dtype,
        });
        backward(parts.loss.div(whole.predicted));
        crossEntropy += parts.crossEntropy.item() / whole.predicted;
        meanSquaredLogsumexp += (parts.meanSquaredLogsumexp.item() * parts.count) / whole.predicted;
      });
    }
    return { crossEntropy, meanSquaredLogsumexp, tokens: batches.tokensPerStep };
  };
}

/**
 * Seconds of a step: the better of two runs after a first one, which also pays for memory. A busy moment would make the
 * forecast, and with `minutes` the run, too short. Changes no weight.
 */
function rehearse(gradients: (step: number) => StepLoss, optimizer: AdamW): number {
  const seconds = [0, 1, 2].map(() => {
    const began = performance.now();
    gradients(0);
    optimizer.zeroGrad();
    return (performance.now() - began) / 1000;
  });
  return Math.min(...seconds.slice(1));
}

/** `steps`, or fewer when `minutes` would not suffice. */
function plannedSteps(config: PretrainConfig, secondsPerStep: number): number {
  if (config.minutes === undefined) return config.steps;
  return Math.max(1, Math.min(config.steps, Math.floor((config.minutes * 60) / secondsPerStep)));
}

function schedule(config: PretrainConfig, steps: number): Schedule {
  const warm = Math.max(1, Math.round(config.warmup * steps));
  const { floor } = config;
  switch (config.schedule) {
    case 'cosine':
      return warmUpCosine({ steps, warmUp: warm, floor });
    case 'wsd':
      return warmUpStableDecay({ steps, warmUp: warm, decay: Math.round(config.decay * steps), floor });
    case 'linear':
      return sequence(
        { steps: warm, schedule: warmUp(warm) },
        { steps: steps - warm, schedule: linear(steps - warm, { to: floor }) },
      );
    case 'constant':
      return sequence({ steps: warm, schedule: warmUp(warm) }, { steps: steps - warm, schedule: constant() });
  }
}

function continuation(model: Plamo2, tokenizer: Tokenizer, prompt: string): string {
  const pieces = generateText(model, tokenizer, prompt, { maxTokens: 48, temperature: 0.8, topP: 0.95, seed: 0 });
  return [...pieces].join('');
}

/** Whether a run folder holds a finished model. */
export const isTrained = (out: string): boolean => existsSync(join(out, 'model', 'config.json'));
