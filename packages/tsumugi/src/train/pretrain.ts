// Pre-training, from token shards to a model folder, top to bottom: open the data, build the model, forecast, train,
// save. Everything that is random follows from `seed`, and batch k is a function of (seed, k), so a resumed run goes on
// bit for bit.
import { join } from 'node:path';
import { deriveSeed, steady } from '../base/index.ts';
import { initialWeights, Plamo2, type Plamo2Config, preset, saveModel } from '../lm/index.ts';
import {
  formatForecast,
  gradientStep,
  isDue,
  type Pause,
  rehearse,
  remembered,
  requireFits,
  restore,
  runLoop,
  scheduleOf,
  trainingState,
} from '../loop/index.ts';
import { numParameters } from '../nn/index.ts';
import { AdamW, decayGroups } from '../optim/index.ts';
import {
  asJson,
  codeCommit,
  Interrupt,
  inputAt,
  openRun,
  type ProgressStream,
  unlessInterrupted,
} from '../run/index.ts';
import { loadLatestCheckpoint } from '../store/index.ts';
import { emptySplit, makeBatch, openTokenizer, PackedBatches, TokenShards, tokenizerContent } from '../text/index.ts';
import { parseDevice } from '../torch/index.ts';
import { checkPretrainSettings } from './check-settings.ts';
import { formatParameterTable, sampleText } from './describe-model.ts';
import { type Evaluation, evaluateHeldOut, evaluationMetrics, measuredOf } from './evaluate.ts';
import { forecastTraining } from './forecast.ts';
import { evaluateTokensOf, type PretrainConfig, pretrainPlan, samplePromptOf } from './pretrain-config.ts';
import { rememberedState } from './remembered-state.ts';
import { computeType, stepGradients } from './step-gradients.ts';

export interface PretrainResult {
  interrupted: boolean;
  /** The model folder, once training is complete. */
  folder: string | undefined;
  /** Undefined when it was interrupted before that was known. */
  before: Evaluation | undefined;
  after: Evaluation | undefined;
}

/**
 * Trains a model and writes it to `<out>/model`. With `resume`, goes on from the latest complete checkpoint of `out`, or
 * starts anew when there is none yet. `stream` shows forecast and progress; `recipe` is named in the lineage.
 *
 * @throws ConfigError, DataError before anything is written; a UserError `diverged` with a diagnosis when the loss is NaN
 */
export async function pretrain(
  config: PretrainConfig,
  options: { resume?: boolean; stream?: ProgressStream; recipe?: string } = {},
): Promise<PretrainResult> {
  const stream = steady<ProgressStream>(options.stream ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);
  checkPretrainSettings(config);
  const device = parseDevice(config.device);

  // Data and model.
  const opened = openTokenizer(config.tokenizer);
  const { tokenizer } = opened;
  const tokenizerFiles = await tokenizerContent(opened);
  using shards = TokenShards.open(config.data, { tokenizerHash: opened.sha256 });
  const inputs = {
    data: inputAt(config.data, await shards.verify()),
    tokenizer: inputAt(opened.path, tokenizerFiles.hash),
  };
  if (shards.manifest.heldOut.documents === 0) throw emptySplit(shards, 'heldOut');
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
  const forecast = forecastTraining(modelConfig, [config], {
    label: 'pretrain',
    out: config.out,
    keepLast: config.keepLast,
    secondsPerStep: [0], // measured below, once there is a model
  });
  requireFits(forecast);
  using run = openRun('pretrain', config, { resume: options.resume, say: print }, inputs);
  using checkpoint = loadLatestCheckpoint(run.checkpoints);
  using model = new Plamo2(modelConfig, initialWeights(deriveSeed(config.seed, 'weights'), device));
  using optimizer = new AdamW(decayGroups(model), {
    betas: config.betas,
    eps: config.epsilon,
    weightDecay: config.weightDecay,
  });
  const start = checkpoint ? restore({ model, optimizer }, checkpoint) : 0;
  const known = checkpoint && remembered(checkpoint, rememberedState);

  // Forecast: one step is rehearsed, and the held-out text measured before anything is learned.
  const whole = makeBatch(batches.batchSize, batches.contextLength);
  const gradients = stepGradients(
    model,
    (step) => ({
      batch: batches.batch(step, whole),
      microRows: config.batchSize,
      tokensSeen: (step + 1) * batches.tokensPerStep,
    }),
    config,
  );
  const secondsPerStep = rehearse(gradients, optimizer);
  const { steps } = run.plan(pretrainPlan, () => ({ steps: plannedSteps(config, secondsPerStep) }));
  const left = steps - start;
  print(formatParameterTable(modelConfig));
  print(formatForecast({ ...forecast, steps: left, tokens: left * batches.tokensPerStep, secondsPerStep }));
  print(`  ${batches.epochAt(steps).toFixed(1)} epochs of ${batches.tokensPerStep} tokens a step`);
  using log = run.openEvents(checkpoint ? start : undefined);
  log.write({
    type: 'start',
    step: start,
    name: 'pretrain',
    totalSteps: steps,
    resumed: start > 0,
    parameters: numParameters(model),
  });
  const measure = (pause: Pause, maxTokens?: number) =>
    evaluateHeldOut(model, shards, {
      contextLength: config.contextLength,
      batchSize: config.batchSize,
      dtype: computeType(config.dtype),
      maxTokens,
      pause,
    });
  using interrupt = new Interrupt(print);
  const before = known?.before ?? (await unlessInterrupted(() => measure(interrupt.pause)));
  if (!before) {
    log.write({ type: 'end', step: 0, reason: 'interrupted' });
    return { interrupted: true, folder: undefined, before, after: undefined };
  }
  if (start === 0) log.write({ type: 'evaluation', step: 0, name: 'held-out', metrics: evaluationMetrics(before) });
  print(`  held-out before training: ${before.bitsPerCharacter.toFixed(3)} bits per character`);

  // Training.
  const update = {
    ...{ model, optimizer, gradients },
    learningRate: config.learningRate,
    schedule: scheduleOf(config, steps),
    clipNorm: config.clipNorm,
  };
  let after: Evaluation | undefined;
  const { interrupted } = await runLoop(
    {
      label: 'pretrain',
      steps,
      takeStep: gradientStep(update),
      due: (step) => ({
        checkpoint: isDue(config.checkpointEvery, step),
        evaluation: step > 0 && isDue(config.evaluateEvery, step),
        sample: step > 0 && step < steps && isDue(config.sampleEvery, step),
      }),
      checkpoint: (step, saved) => trainingState(update, { before: { ...before } }, step, saved),
      async evaluate(step, pause) {
        const found = await measure(pause, step === steps ? undefined : evaluateTokensOf(config));
        if (step === steps) after = found;
        return measuredOf(found, step);
      },
      sample: (step, pause) => sampleText(model, tokenizer, { prompt: samplePromptOf(config), step, pause }),
      keepLast: config.keepLast,
    },
    { run, log, stream },
    start,
  );
  if (interrupted) return { interrupted, folder: undefined, before, after: undefined };
  optimizer.zeroGrad();

  // The result.
  const folder = join(config.out, 'model');
  tokenizerFiles.requireUnchanged();
  saveModel(folder, model, {
    tokenizerFolder: config.tokenizer,
    lineage: {
      stage: 'pretrain',
      recipe: options.recipe ?? null,
      config: asJson(config),
      seed: config.seed,
      commit: codeCommit(),
      data: [inputs.data, inputs.tokenizer].map(({ path: name, sha256 }) => ({ name, sha256 })),
    },
  });
  log.write({ type: 'end', step: steps, reason: 'done' });
  return { interrupted, folder, before, after };
}

/** `steps`, or fewer when `minutes` would not suffice. */
function plannedSteps(config: PretrainConfig, secondsPerStep: number): number {
  if (config.minutes === undefined) return config.steps;
  return Math.max(1, Math.min(config.steps, Math.floor((config.minutes * 60) / secondsPerStep)));
}
