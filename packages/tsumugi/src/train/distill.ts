// Distillation: a model learns what a larger one says of a text. Batch k is a function of (seed, k), so a resumed run goes on bit
// for bit.
import { DataError, deriveSeed } from '../base/index.ts';
import { loadModel, type Plamo2, readModelConfig, requireDense } from '../lm/index.ts';
import { formatCount, formatInteger, inputAt } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { emptySplit, openTokenizer, TokenShards } from '../text/index.ts';
import { parseDevice } from '../torch/index.ts';
import { checkDistillModels, checkDistillSettings, hiddenPairs } from './check-distill.ts';
import { copiedWeights } from './copied-weights.ts';
import { type DistillConfig, distillMayChange } from './distill-config.ts';
import { type DistillEvaluation, evaluateStudent, measuredStudent } from './distill-evaluate.ts';
import { teacherFactor, teacherMemory } from './distill-forecast.ts';
import { distillationOf } from './distill-loss.ts';
import { forecastSpace, forecastTime } from './forecast.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import { packedSteps } from './packed-steps.ts';
import { distillEvaluationState } from './remembered-state.ts';
import { computeType, stepGradients } from './step-gradients.ts';
import { Student } from './student.ts';
import { trainModel } from './train-model.ts';

/** `before` is the student as it came, `after` the trained one. */
export type DistillResult = TrainResult<DistillEvaluation>;
/** What is learned is the settings' to say. */
export type DistillOptions = Omit<TrainOptions, 'loss'>;

/**
 * Trains the student in `config.model` towards the teacher in `config.teacher` and writes it to `<out>/model`.
 *
 * @throws ConfigError (nothing to learn from, a layer that is not there), DataError (another tokenizer or vocabulary, nothing held
 *   out), UserError (not enough memory or disk) before anything is written; a UserError `diverged` when the loss is NaN
 */
export async function distill(config: DistillConfig, options: DistillOptions = {}): Promise<DistillResult> {
  using task = await distillation(config);
  return await trainModel(task, options);
}

/** Opens what a run of distillation needs. @throws ConfigError, DataError */
export async function distillation(config: DistillConfig): Promise<ModelTraining<DistillEvaluation>> {
  checkDistillSettings(config);
  const device = parseDevice(config.device);
  const [teacherFolder, folder] = [new Artefact(config.teacher), new Artefact(config.model)];
  const [teacherConfig, modelConfig] = [readModelConfig(teacherFolder), readModelConfig(folder)];
  requireDense(config.model, 'trained');
  const tokenizerHash = oneTokenizer(config);
  checkDistillModels(config, modelConfig, teacherConfig);
  const [teacherFiles, files] = [await teacherFolder.hashed(), await folder.hashed()];
  using stack = new DisposableStack();
  const shards = stack.use(TokenShards.open(config.data, { tokenizerHash }));
  const data = inputAt(config.data, await shards.verify());
  if (shards.manifest.heldOut.documents === 0) throw emptySplit(shards, 'heldOut');
  const { batches, batch } = packedSteps(shards, config);
  const pairs = hiddenPairs(config, modelConfig, teacherConfig);
  const { hidden_size: width } = teacherConfig;
  const space = forecastSpace('distill', modelConfig, [config], config);
  let loaded: Plamo2 | undefined;
  const owned = stack.move();
  /** Loaded when it is first asked, which the run's forecast comes before. */
  const teacher = () => {
    loaded ??= owned.use(loadModel(config.teacher, { dtype: config.teacherDtype, device }));
    return loaded;
  };
  return {
    name: 'distill',
    config,
    inputs: { teacher: inputAt(config.teacher, teacherFiles.hash), model: inputAt(config.model, files.hash), data },
    mayChange: distillMayChange,
    modelConfig,
    phases: [config],
    rehearsesSteps: false,
    space: { ...space, memory: [...space.memory, ...teacherMemory(teacherConfig, config)] },
    lines: [describeTeacher(teacherConfig.num_hidden_layers, width, config)],
    plan({ secondsPerStep, start }) {
      const seconds = secondsPerStep.map((each) => each * teacherFactor(modelConfig, teacherConfig, config));
      return {
        steps: config.steps,
        time: forecastTime([{ ...config, steps: config.steps - start }], seconds),
        lines: [
          `  ${batches.epochAt(config.steps).toFixed(1)} epochs of ${formatInteger(batches.tokensPerStep)} tokens a step`,
        ],
      };
    },
    makeModel() {
      using parent = loadModel(config.model, { dtype: 'float32', device });
      const model = new Student(modelConfig, copiedWeights(parent));
      files.requireUnchanged();
      if (width !== modelConfig.hidden_size)
        model.project(pairs.length, width, deriveSeed(config.seed, 'projections'), device);
      return model;
    },
    gradients: (model, within) =>
      stepGradients(model, batch, config, {
        ...within,
        lossOf: distillationOf(model as Student, teacher(), config, pairs),
      }),
    evaluation: distillEvaluationState,
    evaluate: (model, _, pause) =>
      evaluateStudent(model, teacher(), shards, {
        sequenceLength: config.sequenceLength,
        batchSize: config.batchSize,
        dtype: computeType(config.dtype),
        maxTokens: config.evaluateTokens,
        pause,
      }),
    measured: (found, { step, at }) => measuredStudent(found, at === 'before' ? 'before distillation' : step),
    strip: (model) => (model as Student).strip(),
    result: {
      tokenizerFolder: config.model,
      lineage: {
        parents: [
          { name: config.model, sha256: files.hash },
          { name: config.teacher, sha256: teacherFiles.hash },
        ],
        data: [{ name: data.path, sha256: data.sha256 }],
      },
      requireUnchanged: () => files.requireUnchanged(), // the tokenizer is taken from there
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** The hash of the tokenizer that both models have. @throws DataError when they have two */
function oneTokenizer({ teacher, model }: DistillConfig): string {
  const [theirs, own] = [openTokenizer(teacher), openTokenizer(model)];
  if (theirs.sha256 === own.sha256) return own.sha256;
  throw new DataError(
    'other-tokenizer',
    `the teacher in ${teacher} has another tokenizer than the student in ${model}`,
    {
      remedy:
        'Take a teacher with the tokenizer of the student: what is learned is the probability of each of its tokens.',
      fields: { teacher: theirs.sha256, student: own.sha256 },
    },
  );
}

const describeTeacher = (layers: number, width: number, { teacher, teacherDtype }: DistillConfig): string =>
  `teacher: ${teacher}, ${formatCount(layers)} layers of width ${formatInteger(width)}, in ${teacherDtype}`;
