// A trained GAN as a folder: config.json, model.safetensors (`generator.…`, `discriminator.…`, `average.…`), lineage.json.
import { ConfigError } from '../base/index.ts';
import type { ImageSet } from '../images/index.ts';
import { loadTensors, namedTensors } from '../nn/index.ts';
import {
  Artefact,
  type Lineage,
  type NamedTensor,
  type Provenance,
  requireWeights,
  writeArtefact,
} from '../store/index.ts';
import type { Device } from '../torch/index.ts';
import { makeGenerator } from './make-networks.ts';
import { GAN_TYPE, type GanModelConfig, ganModelSchema } from './model-config.ts';
import { architectures } from './networks/index.ts';
import type { GanTrainer } from './trainer.ts';
import type { ImageGenerator } from './types.ts';

/** Writes the folder. Replaces a model folder that is there. */
export function saveGan(folder: string, trainer: GanTrainer, set: ImageSet, lineage: Provenance): Lineage {
  const { G, D, average, shape, method, config, step } = trainer;
  const modelConfig: GanModelConfig = {
    model_type: GAN_TYPE,
    architecture: shape.architecture,
    image_size: shape.size,
    channels: shape.channels as 1 | 3,
    width: shape.width,
    num_classes: shape.numClasses,
    class_names: shape.numClasses === null ? null : [...set.classNames!],
    normalization: method.normalization,
    dataset: set.name,
    ema_decay: config.emaDecay,
    steps: step,
  };
  const tensors = Object.entries({ generator: G, discriminator: D, ...(average && { average: average.network }) });
  return writeArtefact(folder, {
    config: modelConfig,
    tensors: tensors.flatMap(([prefix, network]) =>
      [...namedTensors(network)].map(([path, tensor]): NamedTensor => [`${prefix}.${path}`, tensor]),
    ),
    lineage,
  });
}

export interface LoadGeneratorOptions {
  /** Default 'cpu'. */
  device?: Device | undefined;
  /** Take the generator itself where there is a moving average of it. */
  raw?: boolean | undefined;
}

/**
 * The generator of a folder, in evaluation mode: the moving average when there is one. Dispose it.
 *
 * @throws DataError, FormatError, CheckpointError when the folder holds no trained GAN; ConfigError for `raw` without an average
 */
export function loadGenerator(
  folder: string,
  { device = 'cpu', raw = false }: LoadGeneratorOptions = {},
): { generator: ImageGenerator; config: GanModelConfig } {
  const artefact = new Artefact(folder);
  const config = artefact.config(ganModelSchema);
  const { architecture, image_size: size, channels, width, num_classes: numClasses } = config;
  if (raw && config.ema_decay === 0)
    throw new ConfigError('no-average', `${folder} holds no moving average: its generator is the only one there is`, {
      remedy: 'Leave --raw (raw in code) out.',
      fields: { folder },
    });
  const prefix = config.ema_decay > 0 && !raw ? 'average.' : 'generator.';
  using weights = artefact.weights();
  const shape = { size, channels, width, numClasses: numClasses ?? undefined };
  requireWeights(folder, weights, prefix, architectures[architecture].leastWeights(shape));
  const generator = makeGenerator({ architecture, size, channels, width, numClasses }, 0, device);
  try {
    loadTensors(
      generator,
      (path) => (weights.has(prefix + path) ? weights.tensor(prefix + path) : undefined),
      weights.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
    );
    generator.eval();
    return { generator, config };
  } catch (error) {
    generator.dispose();
    throw error;
  }
}
