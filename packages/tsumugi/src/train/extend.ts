// Continual pre-training that extends a model to long contexts, top to bottom: read the model, switch its attention, open
// the data, forecast, train in phases of rising context, save. Batch k is a function of (seed, k), so a resumed run goes
// on bit for bit.
import { join } from 'node:path';
import { steady } from '../base/index.ts';
import { loadModel, Plamo2, type Plamo2Config, parseConfig, saveModel, windowOf } from '../lm/index.ts';
import {
  formatForecast,
  gradientStep,
  isDue,
  type Pause,
  remembered,
  requireFits,
  restore,
  runLoop,
  scheduleOf,
  trainingState,
} from '../loop/index.ts';
import { namedParameters, numParameters } from '../nn/index.ts';
import { AdamW, decayGroups } from '../optim/index.ts';
import {
  asJson,
  codeCommit,
  formatInteger,
  Interrupt,
  inputAt,
  openRun,
  type ProgressStream,
  unlessInterrupted,
} from '../run/index.ts';
import { Artefact, CONFIG_FILE, loadLatestCheckpoint } from '../store/index.ts';
import { emptySplit, openTokenizer, TokenShards } from '../text/index.ts';
import { parseDevice, scope } from '../torch/index.ts';
import { checkExtendSettings } from './check-settings.ts';
import { formatParameterTable } from './describe-model.ts';
import { type Evaluation, evaluateHeldOut, evaluationMetrics, measuredOf } from './evaluate.ts';
import type { ExtendConfig } from './extend-config.ts';
import { forecastTraining, rehearseSteps } from './forecast.ts';
import { describePhase, PhasedBatches } from './phases.ts';
import { rememberedState } from './remembered-state.ts';
import { computeType, stepGradients } from './step-gradients.ts';
import { attentionLayers, switchAttention } from './switch-attention.ts';

export interface ExtendResult {
  interrupted: boolean;
  /** The model folder, once training is complete. */
  folder: string | undefined;
  /** The model as it came, measured in rows of the last phase's context; undefined when it was interrupted before. */
  before: Evaluation | undefined;
  /** The extended model, measured on the same. */
  after: Evaluation | undefined;
}

/**
 * Extends the model in `config.model` to long contexts and writes it to `<out>/model`. With `resume`, goes on from the
 * latest complete checkpoint of `out`, or starts anew when there is none yet. `stream` shows forecast and progress;
 * `recipe` is named in the lineage.
 *
 * @throws ConfigError (a layer that is no attention layer, falling contexts), DataError (no document as long as a context,
 *   shards of another tokenizer, nothing held out), UserError (not enough memory or disk) before anything is written;
 *   a UserError `diverged` with a diagnosis when the loss is NaN
 */
export async function extend(
  config: ExtendConfig,
  options: { resume?: boolean; stream?: ProgressStream; recipe?: string } = {},
): Promise<ExtendResult> {
  const stream = steady<ProgressStream>(options.stream ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);
  checkExtendSettings(config);
  const device = parseDevice(config.device);

  // Model and data.
  const parent = new Artefact(config.model);
  const parentFiles = await parent.hashed();
  const edited = parent.changedFiles(parentFiles);
  const modelConfig = extendedConfig(parseConfig(parent.config(), join(config.model, CONFIG_FILE)), config);
  const { sha256: tokenizerHash } = openTokenizer(config.model);
  using sources = await openSources(config, tokenizerHash);
  const batches = new PhasedBatches(sources.mix, config.phases, config);
  const { steps } = batches;
  const last = config.phases.at(-1)!;
  const phases = config.phases.map((phase) => ({ ...phase, checkpointLayers: config.checkpointLayers }));
  const about = { label: 'extend', out: config.out, keepLast: config.keepLast };
  requireFits(forecastTraining(modelConfig, phases, { ...about, secondsPerStep: phases.map(() => 0) }));
  const inputs = {
    model: inputAt(config.model, parentFiles.hash),
    ...Object.fromEntries(
      sources.mix.map(({ shards, sha256 }, i) => [`mix.${i}.data`, inputAt(shards.folder, sha256)]),
    ),
  };
  using run = openRun('extend', config, { resume: options.resume, say: print }, inputs);
  using checkpoint = loadLatestCheckpoint(run.checkpoints);

  // What there is to do, and how long it will take.
  const known = checkpoint && remembered(checkpoint, rememberedState);
  const start = checkpoint?.step ?? 0;
  using asItCame = new DisposableStack();
  const loaded = asItCame.use(loadModel(config.model, { dtype: 'float32', device }));
  using log = run.openEvents(checkpoint ? start : undefined);
  if (edited.length > 0) {
    const message = `${edited.join(', ')} in ${config.model} changed since its lineage.json was written`;
    log.write({ type: 'warning', step: start, code: 'edited-parent', message });
    print(`warning: ${message}; the lineage names it as it is now`);
  }
  print(formatParameterTable(modelConfig));
  print(describeAttention(modelConfig));
  for (const [index, phase] of batches.phases.entries()) print(describePhase(index, phase));
  const secondsPerStep = rehearseSteps(modelConfig, phases, { device, dtype: computeType(config.dtype) });
  const left = phases.map((phase, i) => ({ ...phase, steps: stepsLeft(batches, i, start) }));
  const otherSeconds = evaluationSeconds(config, sources.heldOutTokens, secondsPerStep.at(-1)!, steps - start);
  if (start < steps)
    print(formatForecast(forecastTraining(modelConfig, left, { ...about, secondsPerStep, otherSeconds })));

  // The model as it came, measured and then switched.
  const measure = (
    model: Plamo2,
    { contextLength, batchSize }: { contextLength: number; batchSize: number },
    pause: Pause,
  ) =>
    evaluateHeldOut(model, sources.heldOut, {
      contextLength,
      batchSize,
      dtype: computeType(config.dtype),
      maxTokens: config.evaluateTokens,
      pause,
    });
  using interrupt = new Interrupt(print);
  const before = known?.before ?? (await unlessInterrupted(() => measure(loaded, last, interrupt.pause)));
  if (!before) {
    log.write({ type: 'end', step: 0, reason: 'interrupted' });
    return { interrupted: true, folder: undefined, before, after: undefined };
  }
  using model = withConfig(loaded, modelConfig);
  asItCame.dispose();
  parentFiles.requireUnchanged();
  using optimizer = new AdamW(decayGroups(model), {
    betas: config.betas,
    eps: config.epsilon,
    weightDecay: config.weightDecay,
  });
  if (checkpoint) restore({ model, optimizer }, checkpoint);
  log.write({
    type: 'start',
    step: start,
    name: 'extend',
    totalSteps: steps,
    resumed: start > 0,
    parameters: numParameters(model),
  });
  const named = (contextLength: number) => `held-out in rows of ${formatInteger(contextLength)}`;
  if (start === 0) {
    const name = `${named(last.contextLength)}, before extension`;
    log.write({ type: 'evaluation', step: 0, name, metrics: evaluationMetrics(before) });
  }
  print(`  ${named(last.contextLength)}: ${before.bitsPerCharacter.toFixed(3)} bits per character before extension`);

  // Training.
  const gradients = stepGradients(model, (step) => batches.batch(step), config);
  const update = {
    ...{ model, optimizer },
    gradients(step: number) {
      const loss = gradients(step);
      const { contextLength } = batches.phaseOf(step).settings;
      return { ...loss, metrics: { ...loss.metrics, contextLength } };
    },
    learningRate: config.learningRate,
    schedule: scheduleOf(config, steps),
    clipNorm: config.clipNorm,
  };
  let after: Evaluation | undefined;
  const { interrupted } = await runLoop(
    {
      label: 'extend',
      steps,
      takeStep: gradientStep(update),
      due: (step) => ({
        checkpoint: isDue(config.checkpointEvery, step),
        evaluation: step > 0 && isDue(config.evaluateEvery, step),
        sample: false,
      }),
      checkpoint: (step, saved) => trainingState(update, { before: { ...before } }, step, saved),
      async evaluate(step, pause) {
        const phase = step === steps ? last : batches.phaseOf(step).settings;
        const found = await measure(model, phase, pause);
        if (step === steps) after = found;
        return measuredOf(found, step, named(phase.contextLength));
      },
      keepLast: config.keepLast,
    },
    { run, log, stream },
    start,
  );
  if (interrupted) return { interrupted, folder: undefined, before, after: undefined };
  optimizer.zeroGrad();

  // The result.
  const folder = join(config.out, 'model');
  parentFiles.requireUnchanged(); // the tokenizer is taken from there
  saveModel(folder, model, {
    tokenizerFolder: config.model,
    lineage: {
      stage: 'extend',
      recipe: options.recipe ?? null,
      config: asJson(config),
      seed: config.seed,
      commit: codeCommit(),
      parents: [{ name: config.model, sha256: parentFiles.hash }],
      data: sources.mix.map(({ shards, sha256 }) => ({ name: shards.folder, sha256 })),
    },
  });
  log.write({ type: 'end', step: steps, reason: 'done' });
  return { interrupted, folder, before, after };
}

/** The input model's config with its attention switched, and positions for the longest context. */
function extendedConfig(config: Plamo2Config, settings: ExtendConfig): Plamo2Config {
  const longest = Math.max(...settings.phases.map(({ contextLength }) => contextLength));
  const switched = switchAttention(config, settings);
  return { ...switched, max_position_embeddings: Math.max(config.max_position_embeddings, longest) };
}

interface Sources extends Disposable {
  mix: { shards: TokenShards; weight: number; sha256: string }[];
  /** Those with documents to measure with. */
  heldOut: TokenShards[];
  /** Tokens that one evaluation goes through. */
  heldOutTokens: number;
}

/** Opens the shards of the mix. @throws DataError when some do not fit the model, or nothing is held out in any */
async function openSources(config: ExtendConfig, tokenizerHash: string): Promise<Sources> {
  const mix: Sources['mix'] = [];
  const close = () => {
    for (const { shards } of mix) shards[Symbol.dispose]();
  };
  try {
    for (const { data, weight } of config.mix) {
      const shards = TokenShards.open(data, { tokenizerHash });
      const source = { shards, weight, sha256: '' };
      mix.push(source);
      source.sha256 = await shards.verify();
    }
    const heldOut = mix.map(({ shards }) => shards).filter(({ manifest }) => manifest.heldOut.documents > 0);
    if (heldOut.length === 0) throw emptySplit(mix[0]!.shards, 'heldOut');
    const tokens = heldOut.map(({ manifest }) => Math.min(manifest.heldOut.tokens, config.evaluateTokens));
    return { mix, heldOut, heldOutTokens: tokens.reduce((sum, each) => sum + each, 0), [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A model of another config with the same tensors, copied: what was loaded may be a view of the file. */
function withConfig(model: Plamo2, config: Plamo2Config): Plamo2 {
  const tensors = new Map(namedParameters(model));
  return new Plamo2(config, (name) => scope(() => tensors.get(name)!.detach().clone()));
}

/** One line: which attention layers see how far. */
function describeAttention(config: Plamo2Config): string {
  const [full, windowed] = [true, false].map((wanted) =>
    attentionLayers(config).filter((index) => (windowOf(config, index) === null) === wanted),
  ) as [number[], number[]];
  const named = (layers: number[]) => `layer${layers.length > 1 ? 's' : ''} ${layers.join(', ')}`;
  const parts = [
    full.length > 0 && `${named(full)} full, RoPE base ${config.rope_theta}`,
    windowed.length > 0 &&
      `${named(windowed)} with a window of ${formatInteger(config.attention_window_size)}, RoPE base ${config.rope_local_theta}`,
  ];
  return `attention: ${parts.filter(Boolean).join('; ')}`;
}

/** Steps of phase `index` that are still to do when `start` are done. */
function stepsLeft({ phases }: PhasedBatches, index: number, start: number): number {
  const { firstStep, settings } = phases[index]!;
  return Math.min(settings.steps, Math.max(0, firstStep + settings.steps - start));
}

/** Seconds of all evaluations: forward alone is a third of a step's work, a quarter of one that recomputes. */
function evaluationSeconds(config: ExtendConfig, tokens: number, secondsPerStep: number, steps: number): number {
  const { contextLength, batchSize, accumulate } = config.phases.at(-1)!;
  const share = config.checkpointLayers ? 1 / 4 : 1 / 3;
  const perToken = (share * secondsPerStep) / (contextLength * batchSize * accumulate);
  const times = 2 + (config.evaluateEvery > 0 ? Math.floor((steps - 1) / config.evaluateEvery) : 0);
  return times * tokens * perToken;
}
