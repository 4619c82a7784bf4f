// Pre-training: a new model on token shards. Everything that is random follows from `seed`, and batch k is a function of
// (seed, k), so a resumed run goes on bit for bit.
import { deriveSeed } from '../base/index.ts';
import { initialWeights, Plamo2, type Plamo2Config, preset } from '../lm/index.ts';
import { formatInteger, inputAt } from '../run/index.ts';
import { emptySplit, openTokenizer, TokenShards, tokenizerContent } from '../text/index.ts';
import { parseDevice } from '../torch/index.ts';
import { checkPretrainSettings } from './check-settings.ts';
import { sampleText } from './describe-model.ts';
import { type Evaluation, evaluateHeldOut, measuredOf } from './evaluate.ts';
import { forecastSpace, forecastTime } from './forecast.ts';
import type { ModelTraining, RunPlan, TrainOptions, TrainResult } from './model-training.ts';
import { packedSteps } from './packed-steps.ts';
import {
  evaluateTokensOf,
  type PretrainConfig,
  pretrainMayChange,
  pretrainPlan,
  samplePromptOf,
} from './pretrain-config.ts';
import { evaluationState } from './remembered-state.ts';
import { computeType, stepGradients } from './step-gradients.ts';
import { trainModel } from './train-model.ts';

export type PretrainResult = TrainResult<Evaluation>;

/**
 * Trains a model and writes it to `<out>/model`.
 *
 * @throws ConfigError, DataError before anything is written; a UserError `diverged` with a diagnosis when the loss is NaN
 */
export async function pretrain(config: PretrainConfig, options: TrainOptions = {}): Promise<PretrainResult> {
  using task = await pretraining(config);
  return await trainModel(task, options);
}

/** Opens what a run of pre-training needs. @throws ConfigError, DataError */
export async function pretraining(config: PretrainConfig): Promise<ModelTraining<Evaluation>> {
  checkPretrainSettings(config);
  const device = parseDevice(config.device);
  const opened = openTokenizer(config.tokenizer);
  const { tokenizer } = opened;
  const tokenizerFiles = await tokenizerContent(opened);
  using stack = new DisposableStack();
  const shards = stack.use(TokenShards.open(config.data, { tokenizerHash: opened.sha256 }));
  const inputs = {
    data: inputAt(config.data, await shards.verify()),
    tokenizer: inputAt(opened.path, tokenizerFiles.hash),
  };
  if (shards.manifest.heldOut.documents === 0) throw emptySplit(shards, 'heldOut');
  const modelConfig = preset(config.model, {
    ...(config.modelChanges as Partial<Plamo2Config>),
    vocab_size: tokenizer.vocabSize,
  });
  const { batches, batch } = packedSteps(shards, config);
  const owned = stack.move();
  return {
    name: 'pretrain',
    config,
    inputs,
    mayChange: pretrainMayChange,
    modelConfig,
    phases: [config],
    rehearsesSteps: true,
    space: forecastSpace('pretrain', modelConfig, [config], config),
    lines: [],
    plan({ secondsPerStep, start, run }): RunPlan {
      const of = { steps: config.steps, minutes: config.minutes ?? null };
      const plan = () => ({ steps: Math.max(start, stepsInTime(config, secondsPerStep[0]!)), of });
      const isSame = ({ of: { steps, minutes } }: ReturnType<typeof plan>) =>
        steps === of.steps && minutes === of.minutes;
      const { steps } = run ? run.plan(pretrainPlan, plan, isSame) : plan();
      return {
        steps,
        time: forecastTime([{ ...config, steps: steps - start }], secondsPerStep),
        lines: [`  ${batches.epochAt(steps).toFixed(1)} epochs of ${batches.tokensPerStep} tokens a step`],
        warning: steps < config.steps ? fewerSteps(config, steps) : undefined,
      };
    },
    makeModel: () => new Plamo2(modelConfig, initialWeights(deriveSeed(config.seed, 'weights'), device)),
    goesInRounds: true,
    gradients: (model, within) => stepGradients(model, batch, config, within),
    measuresEvenly: true,
    evaluation: evaluationState,
    evaluate: (model, { at }, pause, mesh) =>
      evaluateHeldOut(model, shards, {
        sequenceLength: config.sequenceLength,
        batchSize: config.batchSize,
        dtype: computeType(config.dtype),
        maxTokens: at === 'between' ? evaluateTokensOf(config) : undefined,
        pause,
        mesh,
      }),
    measured: (found, { step, at }) => measuredOf(found, 'held-out', at === 'before' ? 'before training' : step),
    sampleEvery: config.sampleEvery,
    sample: (model, step, pause) => sampleText(model, tokenizer, { prompt: samplePromptOf(config), step, pause }),
    result: {
      tokenizerFolder: config.tokenizer,
      lineage: { data: [inputs.data, inputs.tokenizer].map(({ path: name, sha256 }) => ({ name, sha256 })) },
      requireUnchanged: () => tokenizerFiles.requireUnchanged(),
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** `steps`, or fewer when `minutes` would not suffice. */
function stepsInTime({ steps, minutes }: PretrainConfig, secondsPerStep: number): number {
  if (minutes === undefined) return steps;
  return Math.max(1, Math.min(steps, Math.floor((minutes * 60) / secondsPerStep)));
}

function fewerSteps({ steps: asked, minutes }: PretrainConfig, steps: number) {
  const [few, all] = [steps, asked].map(formatInteger);
  const message = `minutes=${minutes} is enough for ${few} of the ${all} steps: the run, and its learning rate, end there`;
  return { code: 'fewer-steps', message };
}
