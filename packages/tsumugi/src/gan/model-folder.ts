// A trained GAN as a folder: config.json, model.safetensors (`generator.…`, `discriminator.…`, `average.…`), lineage.json.
import { ConfigError, FormatError } from '../base/index.ts';
import type { ImageSet } from '../images/index.ts';
import { convert, loadTensors, namedTensors } from '../nn/index.ts';
import { asJson } from '../run/index.ts';
import {
  Artefact,
  type Lineage,
  type NamedTensor,
  type Provenance,
  requireWeights,
  writeArtefact,
} from '../store/index.ts';
import { type Device, factoryDevice, Rng } from '../torch/index.ts';
import { checkForm } from './check-parts.ts';
import { GAN_TYPE, type GanModelConfig, ganModelSchema } from './model-config.ts';
import { architectures } from './networks/index.ts';
import { type OwnGenerator, ownNames } from './parts.ts';
import type { GanTrainer } from './trainer.ts';
import type { ImageGenerator } from './types.ts';

/** Writes the folder. Replaces a model folder that is there. */
export function saveGan(folder: string, trainer: GanTrainer, set: ImageSet, lineage: Provenance): Lineage {
  const { G, D, average, shape, method, own, config, step } = trainer;
  const names = ownNames(own);
  const modelConfig: GanModelConfig = {
    model_type: GAN_TYPE,
    architecture: own.generator && own.discriminator ? null : shape.architecture,
    ...(Object.keys(names).length > 0 && { own: names }),
    image_size: shape.size,
    channels: shape.channels as 1 | 3,
    width: shape.width,
    num_classes: shape.numClasses,
    class_names: shape.numClasses === null ? null : [...set.classNames!],
    normalization: own.discriminator ? null : method.normalization,
    dataset: set.name,
    ema_decay: config.emaDecay,
    steps: step,
  };
  const tensors = Object.entries({ generator: G, discriminator: D, ...(average && { average: average.network }) });
  return writeArtefact(folder, {
    config: asJson(modelConfig),
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
  /** The part it was trained with, where its generator is its maker's own. */
  generator?: OwnGenerator | undefined;
}

/**
 * What makes the generator of a folder.
 *
 * @throws ConfigError when it is its maker's own and that part is not given, or another one
 */
function makerOf(folder: string, config: GanModelConfig, given: OwnGenerator | undefined): OwnGenerator['make'] {
  const name = config.own?.generator;
  if (given !== undefined) checkForm('generator', given);
  if (given !== undefined && given.name === name) return (options) => given.make(options);
  const about = { fields: { folder, generator: name ?? null, given: given?.name ?? null } };
  if (name !== undefined)
    throw new ConfigError(
      'own-generator',
      `the generator of ${folder} is its maker's own, "${name}", and ${given ? `"${given.name}"` : 'no such part'} was given`,
      { ...about, remedy: `Load it from code: loadGenerator(folder, { generator: { name: "${name}", make } }).` },
    );
  if (given !== undefined)
    throw new ConfigError(
      'own-generator',
      `the generator of ${folder} is a ${config.architecture}, not "${given.name}"`,
      {
        ...about,
        remedy: 'Leave generator out.',
      },
    );
  if (config.architecture === null)
    throw new FormatError(
      'no-architecture',
      `${folder}: config.json names neither an architecture nor an own generator`,
      {
        ...about,
        remedy: 'Take the folder as it was written.',
      },
    );
  return architectures[config.architecture].generator;
}

/**
 * The generator of a folder, in evaluation mode: the moving average when there is one. Dispose it.
 *
 * @throws DataError, FormatError, CheckpointError when the folder holds no trained GAN; ConfigError for `raw` without an average,
 *   and when the generator is its maker's own and not given
 */
export function loadGenerator(
  folder: string,
  { device = factoryDevice(), raw = false, generator: own }: LoadGeneratorOptions = {},
): { generator: ImageGenerator; config: GanModelConfig } {
  const artefact = new Artefact(folder);
  const config = artefact.config(ganModelSchema);
  const { image_size: size, channels, width, num_classes: numClasses } = config;
  const make = makerOf(folder, config, own);
  if (raw && config.ema_decay === 0)
    throw new ConfigError('no-average', `${folder} holds no moving average: its generator is the only one there is`, {
      remedy: 'Leave --raw (raw in code) out.',
      fields: { folder },
    });
  const prefix = config.ema_decay > 0 && !raw ? 'average.' : 'generator.';
  using weights = artefact.weights();
  const shape = { size, channels, width, numClasses: numClasses ?? undefined };
  if (!own) requireWeights(folder, weights, prefix, architectures[config.architecture!].leastWeights(shape));
  const generator = convert(make({ ...shape, rng: new Rng(0) }), device);
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
