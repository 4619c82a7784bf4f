// Distillation: a model learns what a larger one says of a text. Batch k is a function of (seed, k), so a resumed run goes on bit
// for bit.
import { deriveSeed } from '../base/index.ts';
import { loadModel, readModelConfig, requireDense } from '../lm/index.ts';
import { formatInteger, inputAt } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { emptySplit, openTokenizer, TokenShards } from '../text/index.ts';
import { parseDevice } from '../torch/index.ts';
import { checkDistillSettings } from './check-distill.ts';
import { copiedWeights } from './copied-weights.ts';
import { type DistillConfig, distillMayChange } from './distill-config.ts';
import { type DistillEvaluation, evaluateStudent, measuredStudent } from './distill-evaluate.ts';
import { distillationOf } from './distill-loss.ts';
import { forecastSpace, forecastTime } from './forecast.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import { packedSteps } from './packed-steps.ts';
import { distillEvaluationState } from './remembered-state.ts';
import { computeType, stepGradients } from './step-gradients.ts';
import { Student } from './student.ts';
import { openTeacher } from './teacher.ts';
import { trainModel } from './train-model.ts';

/** `before` is the student as it came, `after` the trained one. */
export type DistillResult = TrainResult<DistillEvaluation>;
/** What is learned is the settings' to say. */
export type DistillOptions = Omit<TrainOptions, 'loss'>;

/**
 * Trains the student in `config.model` towards the teacher in `config.teacher`, or what it said in `config.teacherLogits`, and writes it
 * to `<out>/model`.
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
  const folder = new Artefact(config.model);
  const modelConfig = readModelConfig(folder);
  requireDense(config.model, 'trained');
  const { sha256: tokenizer } = openTokenizer(config.model);
  const files = await folder.hashed();
  using stack = new DisposableStack();
  const shards = stack.use(TokenShards.open(config.data, { tokenizerHash: tokenizer }));
  const data = inputAt(config.data, await shards.verify());
  if (shards.manifest.heldOut.documents === 0) throw emptySplit(shards, 'heldOut');
  const teacher = stack.use(await openTeacher({ config, student: modelConfig, tokenizer, data: data.sha256 }));
  const { pairs } = teacher;
  const { batches, batch } = packedSteps(shards, config);
  const space = forecastSpace('distill', modelConfig, [config], config);
  const owned = stack.move();
  return {
    name: 'distill',
    config,
    inputs: { ...teacher.inputs, model: inputAt(config.model, files.hash), data },
    mayChange: distillMayChange,
    modelConfig,
    phases: [config],
    rehearsesSteps: false,
    space: { ...space, memory: [...space.memory, ...teacher.memory] },
    lines: [teacher.line],
    plan({ secondsPerStep, start }) {
      const seconds = secondsPerStep.map((each) => each * teacher.factor);
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
      using made = new DisposableStack();
      const model = made.use(new Student(modelConfig, copiedWeights(parent)));
      files.requireUnchanged();
      if (teacher.width !== modelConfig.hidden_size)
        model.project(pairs.length, teacher.width, deriveSeed(config.seed, 'projections'), device);
      made.move();
      return model;
    },
    goesInRounds: true,
    gradients(model, within) {
      const taughtBatch = (step: number) => {
        const rows = batch(step);
        teacher.requireRows(step, rows.batch.tokens);
        return rows;
      };
      const lossOf = distillationOf(model as Student, teacher.teaching, config, pairs);
      return stepGradients(model, taughtBatch, config, { ...within, lossOf });
    },
    evaluation: distillEvaluationState,
    evaluate: (model, _, pause, mesh) =>
      evaluateStudent(model, teacher.heldOut, shards, {
        sequenceLength: config.sequenceLength,
        batchSize: config.batchSize,
        dtype: computeType(config.dtype),
        maxTokens: config.evaluateTokens,
        pause,
        mesh,
      }),
    measured: (found, { step, at }) => measuredStudent(found, at === 'before' ? 'before distillation' : step),
    strip: (model) => (model as Student).strip(),
    result: {
      tokenizerFolder: config.model,
      lineage: {
        parents: [{ name: config.model, sha256: files.hash }, teacher.parent],
        data: [{ name: data.path, sha256: data.sha256 }],
      },
      requireUnchanged: () => files.requireUnchanged(), // the tokenizer is taken from there
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}
