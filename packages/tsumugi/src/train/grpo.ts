// GRPO: a model answers prompts, a scorer says what the answers are worth, and the model learns to give more of those that are better
// than the others of their group. Prompts and random numbers of step k follow from (seed, k), so a resumed run goes on bit for bit.
import { deriveSeed, sha256 } from '../base/index.ts';
import { endIds, loadModel, type Plamo2 } from '../lm/index.ts';
import type { StepWarning } from '../loop/index.ts';
import { formatInteger } from '../run/index.ts';
import { parseDevice } from '../torch/index.ts';
import { endingWith } from './chat-data.ts';
import { checkGrpoSettings } from './check-grpo.ts';
import { forecastSpace } from './forecast.ts';
import type { AnswerScorer } from './grpo/answer-scorer.ts';
import { askReference } from './grpo/answer-tokens.ts';
import { evaluatePolicy, measuredPolicy, type PolicyEvaluation } from './grpo/evaluate-policy.ts';
import { samplingMemory, timeWithSampling } from './grpo/grpo-forecast.ts';
import { grpoGradients } from './grpo/grpo-gradients.ts';
import { openPromptData } from './grpo/prompt-data.ts';
import { PromptSteps } from './grpo/prompt-steps.ts';
import { type GrpoState, grpoState } from './grpo/rollout-state.ts';
import { type SamplingContext, sampleRollout } from './grpo/sample-rollout.ts';
import { DEFAULT_GRPO_EPOCHS, type GrpoConfig, grpoMayChange } from './grpo-config.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import { rowsOf } from './preference/preference-source.ts';
import { policyEvaluationState } from './remembered-state.ts';
import { computeType } from './step-gradients.ts';
import { trainModel } from './train-model.ts';
import { openTuningBase } from './tuning-base.ts';
import { withAdapters } from './with-adapters.ts';

/** `before` is the model as it came, `after` the trained one. */
export type GrpoResult = TrainResult<PolicyEvaluation>;
/** What is learned is the settings' and the scorer's to say. */
export interface GrpoOptions extends Omit<TrainOptions, 'loss'> {
  scorer: AnswerScorer;
}

/** Rollouts without a signal in a row after which a person is told. */
const SILENT = 10;

/**
 * Trains the model in `config.model` on its own answers to the prompts in `config.data`, and writes it to `<out>/model`; with `lora`
 * adapters over it, which it writes to `<out>/adapter`.
 *
 * @throws ConfigError, DataError naming file and row (a prompt that leaves no room for an answer, a row that cannot be scored),
 *   UserError (not enough memory or disk) before anything is written; a UserError naming the row when the scorer fails or gives a
 *   reward that is no finite number, `diverged` when the loss is NaN
 */
export async function grpo(config: GrpoConfig, { scorer, ...options }: GrpoOptions): Promise<GrpoResult> {
  using task = await policyTraining(config, scorer);
  return await trainModel(task, options);
}

/** Opens what a run of GRPO needs. @throws ConfigError, DataError */
export async function policyTraining(
  config: GrpoConfig,
  scorer: AnswerScorer,
): Promise<ModelTraining<PolicyEvaluation>> {
  checkGrpoSettings(config);
  const base = await openTuningBase(config);
  const device = parseDevice(config.device);
  const data = await openPromptData(config, scorer);
  const modelConfig = endingWith(base.config, data.template, data.tokenizer);
  const { samples, maxTokens, updates, beta, batchSize, gradientAccumulation, activationCheckpointing } = config;
  const dtype = computeType(config.dtype);
  const rows = { ...rowsOf(config, data.tokenizer), batchSize, samples };
  const size = batchSize * gradientAccumulation;
  const batches = new PromptSteps(data.examples.length, {
    size,
    updates,
    seed: deriveSeed(config.seed, 'batches'),
  });
  const steps = config.steps ?? batches.stepsOf(config.epochs ?? DEFAULT_GRPO_EPOCHS);
  const longest = data.examples.reduce((most, { ids }) => Math.max(most, ids.length), 0) + maxTokens;
  const phase = {
    sequenceLength: longest,
    batchSize: batchSize * samples,
    predicted: maxTokens,
    steps,
    gradientAccumulation,
    activationCheckpointing,
  };
  const space = forecastSpace('grpo', modelConfig, [phase], config);
  const contextWith = (pause: SamplingContext['pause'], seed: number): SamplingContext => ({
    tokenizer: data.tokenizer,
    scorer,
    stopIds: endIds(data.tokenizer, modelConfig),
    maxTokens,
    slots: config.slots,
    seed,
    pause,
  });
  let reference: Plamo2 | undefined;
  let state: GrpoState = { tokens: 0, silent: 0 };
  let warnings: StepWarning[] = [];

  const task: ModelTraining<PolicyEvaluation> = {
    name: 'grpo',
    config,
    inputs: {
      model: base.input,
      ...data.inputs,
      scorer: { path: scorer.name, sha256: sha256(scorer.hash), bytes: 0, written: null },
    },
    mayChange: grpoMayChange,
    modelConfig,
    phases: [phase],
    rehearsesSteps: false,
    space: { ...space, memory: [...space.memory, ...samplingMemory(modelConfig, config, longest)] },
    lines: [...data.lines, `scorer: ${scorer.name}`],
    plan({ secondsPerStep, start }) {
      const [epochs, prompts] = [batches.epochAt(steps).toFixed(1), formatInteger(size)];
      return {
        steps,
        time: timeWithSampling({ ...phase, steps: steps - start }, config, size, secondsPerStep),
        lines: [
          `  ${epochs} epochs; ${formatInteger(samples)} answers of at most ${formatInteger(maxTokens)} tokens to each of ${prompts} prompts, for ${formatInteger(updates)} ${updates === 1 ? 'step' : 'steps'}`,
        ],
      };
    },
    async prepare() {
      // Its matrices are the pages of the file: beside adapters, whose base is mapped too, there is no second copy in memory.
      if (beta > 0)
        reference = loadModel(config.model, { dtype: 'float32', device, storedMatrices: true, config: modelConfig });
    },
    makeModel: () => base.makeModel(modelConfig),
    async beforeStep(model, step, pause) {
      const index = batches.rolloutOf(step);
      if (state.rollout?.index === index) return;
      const context = contextWith(pause, config.seed);
      const chosen = batches.promptsOf(index);
      const rollout = await sampleRollout(model, data.examples, chosen, { index, ...config }, context);
      if (reference) await askReference(reference, rollout, data.examples, rows, { dtype, pause });
      const silent = rollout.metrics['groupsWithoutSignal'] === 1 ? state.silent + 1 : 0;
      state = { ...state, silent, rollout };
      warnings = silent === SILENT ? [noSignal(silent)] : [];
    },
    gradients: (model, { onPart }) => {
      return (step) => {
        const found = grpoGradients(model, data.examples, state.rollout!, config, rows, {
          onPart: onPart?.(step),
          part: task.part,
        });
        state = { ...state, tokens: state.tokens + found.tokens! };
        const told = warnings;
        warnings = [];
        return { ...found, tokensSeen: state.tokens, warnings: told };
      };
    },
    alone: {
      fault: 'GRPO cannot be trained over several processes: its answers are sampled by one',
      remedy: 'Start it as one process.',
    },
    kept: {
      schema: grpoState,
      // The next update may learn from other answers, which are sampled then.
      of: (step) => (step % updates === 0 ? { ...state, rollout: undefined } : state),
      put(known) {
        state = known;
      },
    },
    evaluation: policyEvaluationState,
    evaluate: (model, _, pause) =>
      evaluatePolicy(model, data.heldOut, contextWith(pause, deriveSeed(config.seed, 'held out'))),
    measured: (found, { step, at }) => measuredPolicy(found, at === 'before' ? 'as it came' : step),
    result: base.resultOf(data),
    [Symbol.dispose]() {
      reference?.[Symbol.dispose]();
    },
  };
  return withAdapters(task, config, config.model);
}

const noSignal = (rollouts: number): StepWarning => ({
  code: 'no-signal',
  message: `in the last ${rollouts} sets of answers every answer to a prompt got the same reward as the others to it, so there is nothing to learn: see whether the scorer tells answers apart, and whether the prompts are too hard or too easy`,
});
