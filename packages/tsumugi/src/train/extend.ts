// Continual pre-training that extends a model to long contexts: its attention is switched, then it is trained in phases of
// rising context. Batch k is a function of (seed, k), so a resumed run goes on bit for bit.
import { join } from 'node:path';
import { loadModel, Plamo2, type Plamo2Config, parseConfig, requireDense, windowOf } from '../lm/index.ts';
import { formatInteger, inputAt } from '../run/index.ts';
import { Artefact, CONFIG_FILE } from '../store/index.ts';
import { emptySplit, openTokenizer, TokenShards } from '../text/index.ts';
import { parseDevice } from '../torch/index.ts';
import { checkExtendSettings } from './check-settings.ts';
import { copiedWeights } from './copied-weights.ts';
import { type Evaluation, evaluateHeldOut, measuredOf } from './evaluate.ts';
import { type ExtendConfig, extendMayChange } from './extend-config.ts';
import { forecastSpace, forecastTime } from './forecast.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import { describePhase, PhasedBatches } from './phases.ts';
import { evaluationState } from './remembered-state.ts';
import { computeType, stepGradients } from './step-gradients.ts';
import { attentionLayers, switchAttention } from './switch-attention.ts';
import { trainModel } from './train-model.ts';

/** `before` is the model as it came, `after` the extended one; both measured in rows of the last phase's context. */
export type ExtendResult = TrainResult<Evaluation>;

/**
 * Extends the model in `config.model` to long contexts and writes it to `<out>/model`.
 *
 * @throws ConfigError (a layer that is no attention layer, falling contexts), DataError (no document as long as a context,
 *   shards of another tokenizer, nothing held out), UserError (not enough memory or disk) before anything is written;
 *   a UserError `diverged` with a diagnosis when the loss is NaN
 */
export async function extend(config: ExtendConfig, options: TrainOptions = {}): Promise<ExtendResult> {
  using task = await extension(config);
  return await trainModel(task, options);
}

/** Opens what a run of extension needs. @throws ConfigError, DataError */
export async function extension(config: ExtendConfig): Promise<ModelTraining<Evaluation>> {
  checkExtendSettings(config);
  const device = parseDevice(config.device);
  const parent = new Artefact(config.model);
  requireDense(config.model, 'trained');
  const parentFiles = await parent.hashed();
  const edited = parent.changedFiles(parentFiles);
  const modelConfig = extendedConfig(parseConfig(parent.config(), join(config.model, CONFIG_FILE)), config);
  const { sha256: tokenizerHash } = openTokenizer(config.model);
  using stack = new DisposableStack();
  const sources = stack.use(await openSources(config, tokenizerHash));
  const batches = new PhasedBatches(sources.mix, config.phases, config);
  const { steps } = batches;
  const last = config.phases.at(-1)!;
  const phases = config.phases.map((phase) => ({ ...phase, activationCheckpointing: config.activationCheckpointing }));
  /** The model with its own window and RoPE base, until it has been measured. */
  const asItCame = stack.use(new DisposableStack());
  let parentModel: Plamo2;
  const owned = stack.move();
  return {
    name: 'extend',
    config,
    inputs: {
      model: inputAt(config.model, parentFiles.hash),
      ...Object.fromEntries(
        sources.mix.map(({ shards, sha256 }, i) => [`mix.${i}.data`, inputAt(shards.folder, sha256)]),
      ),
    },
    mayChange: extendMayChange(config),
    modelConfig,
    phases,
    rehearsesSteps: false,
    ranksPerRow: config.ranksPerRow,
    space: forecastSpace('extend', modelConfig, phases, config),
    warnings: edited.length > 0 ? [editedParent(edited, config.model)] : [],
    lines: [describeAttention(modelConfig), ...batches.phases.map((phase, index) => describePhase(index, phase))],
    plan({ secondsPerStep, start }) {
      const left = phases.map((phase, i) => ({ ...phase, steps: stepsLeft(batches, i, start) }));
      const otherSeconds = evaluationSeconds(config, sources.heldOutTokens, secondsPerStep.at(-1)!, steps - start);
      return { steps, time: { ...forecastTime(left, secondsPerStep), otherSeconds }, lines: [] };
    },
    makeModel(goesOn) {
      parentModel = asItCame.use(loadModel(config.model, { dtype: 'float32', device }));
      using made = new DisposableStack();
      const model = made.use(new Plamo2(modelConfig, copiedWeights(parentModel)));
      parentFiles.requireUnchanged();
      if (goesOn) asItCame.dispose(); // it has been measured
      made.move();
      return model;
    },
    goesInRounds: true,
    gradients(model, within) {
      const gradients = stepGradients(model, (step) => batches.batch(step), config, within);
      return (step) => {
        const made = gradients(step);
        const { sequenceLength } = batches.phaseOf(step).settings;
        return { ...made, metrics: { ...made.metrics, sequenceLength } };
      };
    },
    evaluation: evaluationState,
    async evaluate(model, { step, at }, pause, mesh) {
      const { sequenceLength, batchSize } = at === 'between' ? batches.phaseOf(step).settings : last;
      const found = await evaluateHeldOut(at === 'before' ? parentModel : model, sources.heldOut, {
        sequenceLength,
        batchSize,
        dtype: computeType(config.dtype),
        maxTokens: config.evaluateTokens,
        pause,
        mesh,
      });
      if (at === 'before') asItCame.dispose();
      return found;
    },
    measured(found, { step, at }) {
      const { sequenceLength } = at === 'between' ? batches.phaseOf(step).settings : last;
      const name = `held-out in rows of ${formatInteger(sequenceLength)}`;
      return at === 'before'
        ? measuredOf(found, `${name}, before extension`, 'as it came')
        : measuredOf(found, name, step);
    },
    result: {
      tokenizerFolder: config.model,
      lineage: {
        parents: [{ name: config.model, sha256: parentFiles.hash }],
        data: sources.mix.map(({ shards, sha256 }) => ({ name: shards.folder, sha256 })),
      },
      requireUnchanged: () => parentFiles.requireUnchanged(), // the tokenizer is taken from there
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

const editedParent = (files: readonly string[], model: string) => ({
  code: 'edited-parent',
  message: `${files.join(', ')} in ${model} changed since its lineage.json was written; the lineage names it as it is now`,
});

/** The input model's config with its attention switched, and positions for the longest context. */
function extendedConfig(config: Plamo2Config, settings: ExtendConfig): Plamo2Config {
  const longest = Math.max(...settings.phases.map(({ sequenceLength }) => sequenceLength));
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
  const { sequenceLength, batchSize, gradientAccumulation } = config.phases.at(-1)!;
  const share = config.activationCheckpointing ? 1 / 4 : 1 / 3;
  const perToken = (share * secondsPerStep) / (sequenceLength * batchSize * gradientAccumulation);
  const times = 2 + (config.evaluateEvery > 0 ? Math.floor((steps - 1) / config.evaluateEvery) : 0);
  return times * tokens * perToken;
}
