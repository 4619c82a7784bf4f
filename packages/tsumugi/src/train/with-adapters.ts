// Any kind of training with low-rank adapters: the model is frozen and stays as it is stored, mapped into memory, and what is trained
// and saved are its adapters. Dropout of step k follows from (seed, k), so a resumed run goes on bit for bit.
import { resolve } from 'node:path';
import { deriveSeed } from '../base/index.ts';
import {
  addLora,
  type Coverage,
  checkLora,
  DEFAULT_TARGETS,
  formatCoverage,
  type LoraOptions,
  type LoraShape,
  loadModel,
  loraCoverage,
  type Plamo2Config,
  REWARD_HEAD,
  saveAdapter,
  seedDropout,
} from '../lm/index.ts';
import { Artefact, hubOrigin } from '../store/index.ts';
import { parseDevice } from '../torch/index.ts';
import type { AdapterConfig } from './adapter-config.ts';
import { trainingSpace } from './forecast.ts';
import type { ModelTraining } from './model-training.ts';
import type { TrainedPart } from './trained-part.ts';

/** What `requireDense` says a quantized model cannot be, where its adapters can. */
export const ADAPTERS_INSTEAD = 'trained whole (adapters over it can be: --lora RANK)';

/** What adapters are asked to be, from settings; undefined where the model itself is trained. */
export const loraOptionsOf = (config: AdapterConfig & { seed: number }): LoraOptions | undefined =>
  config.lora === undefined
    ? undefined
    : {
        rank: config.lora,
        ...(config.loraKind && { kind: config.loraKind }),
        ...(config.loraAlpha !== undefined && { alpha: config.loraAlpha }),
        ...(config.loraDropout !== undefined && { dropout: config.loraDropout }),
        ...(config.loraTargets && { targets: config.loraTargets }),
        ...(config.loraLayers && { layers: config.loraLayers }),
        seed: deriveSeed(config.seed, 'adapters'),
      };

/** Its inputs are tokens that are learned, of whichever texts go through together. */
const headDropout = {
  fault: 'loraDropout of an adapter of lm_head differs with the number of processes',
  remedy: 'Set loraDropout=0, or leave lm_head out of loraTargets.',
};

/**
 * The same training, of adapters over the model in `folder`, which end up in `<out>/adapter`, in PEFT's layout, unless the training
 * saves otherwise; `task` as it is where the settings ask for none.
 *
 * @throws ConfigError for a target that no layer answers to
 */
export function withAdapters<E extends object>(
  task: ModelTraining<E>,
  settings: AdapterConfig,
  folder: string,
): ModelTraining<E> {
  const { config, modelConfig, phases } = task;
  const { seed } = config;
  const adapters = adaptersOf(modelConfig, { ...settings, seed }, folder, task.part?.added);
  if (!adapters) return task;
  const { lora, shape, coverage, part } = adapters;
  const plain = trainingSpace(modelConfig, phases, config).memory.length;
  const { memory, disk } = trainingSpace(modelConfig, phases, config, part);
  const title = `adapters (${lora.kind ?? 'lora'}, rank ${shape.rank}, α ${shape.alpha}${shape.dropout > 0 ? `, dropout ${shape.dropout}` : ''})`;
  // What a kind takes off its own model at the end is no part of one that was loaded.
  const { strip: _, ...rest } = task;
  return {
    ...rest,
    part,
    space: { ...task.space, memory: [...memory, ...task.space.memory.slice(plain)], disk },
    lines: [formatCoverage(coverage, title), ...task.lines],
    makeModel() {
      const device = parseDevice(config.device);
      const model = loadModel(folder, { dtype: 'float32', device, storedMatrices: true, config: modelConfig });
      task.result.requireUnchanged();
      addLora(model, lora);
      task.addBeside?.(model);
      return model;
    },
    alone:
      task.alone ??
      (shape.dropout > 0 && coverage.rows.some(({ kind, matched }) => kind === 'lm_head' && matched > 0)
        ? headDropout
        : undefined),
    gradients(model, within) {
      const gradients = task.gradients(model, within);
      return (step) => {
        seedDropout(model, seed, step);
        return gradients(step);
      };
    },
    saved: task.saved ?? {
      name: 'adapter',
      save: (place, model, { maxShardBytes: _, ...options }) =>
        saveAdapter(place, model, { ...options, base: hubOrigin(folder)?.repo ?? resolve(folder) }),
    },
  };
}

export interface Adapters {
  lora: LoraOptions;
  shape: LoraShape;
  coverage: Coverage;
  /** What is trained. */
  part: TrainedPart;
}

/**
 * What settings make of a model in `folder`, whose weights stay as they are stored; undefined where they ask for no adapters.
 *
 * @param folder undefined for a model that is not made yet: its weights are taken to be float32
 * @param beside numbers that are trained besides
 * @throws ConfigError for a target that no layer answers to
 */
export function adaptersOf(
  modelConfig: Plamo2Config,
  settings: AdapterConfig & { seed: number },
  folder: string | undefined,
  beside = 0,
): Adapters | undefined {
  const lora = loraOptionsOf(settings);
  if (!lora) return undefined;
  const shape = checkLora(lora);
  const { targets = DEFAULT_TARGETS, layers, rank, kind } = lora;
  const coverage = loraCoverage(modelConfig, { ...shape, targets, layers });
  const part: TrainedPart = {
    isFrozen: (path) => path !== REWARD_HEAD && !/\.lora_(A|B|magnitude_vector)\b/.test(path),
    ...(folder !== undefined && storedIn(folder)),
    added: coverage.trained + beside,
    // Which layers have adapters is another matter in a model of few layers; they make little of the work.
    rehearse: (model) => void addLora(model, { rank, ...(kind && { kind }) }),
  };
  return { lora, shape, coverage, part };
}

function storedIn(folder: string): Pick<TrainedPart, 'frozenBytes' | 'asStored'> {
  using weights = new Artefact(folder).weights();
  const infos = weights.names.map((name) => weights.info(name));
  return {
    frozenBytes: infos.reduce((sum, { bytes }) => sum + bytes, 0),
    asStored: infos.some(({ dtype, shape }) => shape.length === 2 && dtype !== 'float32'),
  };
}
