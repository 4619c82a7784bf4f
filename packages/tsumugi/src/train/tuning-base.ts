// The model that a training on conversations begins with: a folder, known by its content before anything is read of it.
import { loadModel, Plamo2, type Plamo2Config, readModelConfig, requireDense } from '../lm/index.ts';
import { inputAt, type RunInput } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { parseDevice } from '../torch/index.ts';
import { fileLineage, type TuningData } from './chat-data.ts';
import { copiedWeights } from './copied-weights.ts';
import type { ModelTraining } from './model-training.ts';
import { ADAPTERS_INSTEAD } from './with-adapters.ts';

export interface TuningBase {
  /** As the folder has it. */
  readonly config: Plamo2Config;
  readonly hash: string;
  readonly input: RunInput;
  /** A copy of the weights, to be trained. @throws DataError when the files have changed meanwhile */
  makeModel(config: Plamo2Config): Plamo2;
  /** What is written beside the trained model. */
  resultOf(data: Pick<TuningData<unknown>, 'template' | 'inputs'>): ModelTraining<object>['result'];
}

/** @throws DataError for a folder that is no model, UserError for one of few bits that is to be trained whole */
export async function openTuningBase(settings: {
  readonly model: string;
  readonly device: string;
  readonly lora?: number | undefined;
}): Promise<TuningBase> {
  const { model: path, lora } = settings;
  const device = parseDevice(settings.device);
  const folder = new Artefact(path);
  const config = readModelConfig(folder);
  if (lora === undefined) requireDense(path, ADAPTERS_INSTEAD);
  const files = await folder.hashed();
  return {
    config,
    hash: files.hash,
    input: inputAt(path, files.hash),
    makeModel(modelConfig) {
      using parent = loadModel(path, { dtype: 'float32', device });
      const model = new Plamo2(modelConfig, copiedWeights(parent));
      files.requireUnchanged();
      return model;
    },
    resultOf: ({ template, inputs }) => ({
      tokenizerFolder: path,
      chatTemplate: template,
      lineage: { parents: [{ name: path, sha256: files.hash }], data: fileLineage(inputs) },
      requireUnchanged: () => files.requireUnchanged(), // the tokenizer is taken from there
    }),
  };
}
