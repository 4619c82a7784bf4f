// What an export for the Hugging Face Hub will be, before anything is written: its tensors and their types, shards, origin, licence.

import { ConfigError, checkChoice, checkNumber, checkOptions, UserError } from '../../../base/index.ts';
import { loadModel, type Plamo2Config, QuantizedLinear, tensorShapes } from '../../../lm/index.ts';
import { namedModules, namedParameters } from '../../../nn/index.ts';
import {
  Artefact,
  cutIntoShards,
  DEFAULT_SHARD_BYTES,
  type LazyTensor,
  readPieces,
  type Safetensors,
} from '../../../store/index.ts';
import { type DType, numBytes, numElements, type Tensor } from '../../../torch/index.ts';
import { areFinite } from '../../are-finite.ts';
import { bytesPerSecond } from '../../rates.ts';
import { type Ancestor, ancestryOf } from './ancestry.ts';
import type { CardEvaluation } from './model-card.ts';

export interface ExportHfOptions {
  /** Shards of at most so many bytes. Default: 5 GB. */
  maxShardBytes?: number | undefined;
  /** What the weights become. Default: as they are. */
  dtype?: 'float32' | 'bfloat16' | undefined;
  /** "owner/name", as it will be called on the hub. Default: the name of the folder. */
  name?: string | undefined;
  /** The hub's word for it ("apache-2.0"). Default: that of the model's card, or of all that it was made from. */
  licence?: string | undefined;
  /** Codes of its languages. Default: those of the model's card, otherwise "ja". */
  languages?: readonly string[] | undefined;
  /** Figures for the card. */
  evaluations?: readonly CardEvaluation[] | undefined;
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  /** Told of each tensor that is written. */
  onProgress?: ((progress: { tensor: string; doneBytes: number; totalBytes: number }) => void) | undefined;
  /** Called where the work can be stopped: by an exception, which leaves nothing behind. */
  pause?: (() => Promise<void>) | undefined;
}

const dtypes = ['float32', 'bfloat16'] as const;
const optionNames = {
  maxShardBytes: true,
  dtype: true,
  name: true,
  licence: true,
  languages: true,
  evaluations: true,
  recipe: true,
  commit: true,
  onProgress: true,
  pause: true,
} as const;

export interface ExportHfPlan {
  readonly parameters: number;
  readonly dtype: DType;
  /** Of the weights. */
  readonly bytes: number;
  readonly shards: number;
  readonly licence: string | null;
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** Node, libtorch and pieces of the weights. */
const runtimeBytes = 550e6;

/** What an export would write. @throws as `exportHf`, before anything is written */
export async function planExportHf(model: string, options: ExportHfOptions = {}): Promise<ExportHfPlan> {
  using source = await openSource(model, options);
  return source.plan;
}

/** A model, opened to be exported. */
export interface Source extends Disposable {
  artefact: Artefact;
  config: Plamo2Config;
  tensors: (readonly [name: string, tensor: LazyTensor])[];
  ancestry: Ancestor[];
  plan: ExportHfPlan;
  sourceDtype: DType;
  licence: string | undefined;
  requireUnchanged(): void;
}

export async function openSource(folder: string, options: ExportHfOptions): Promise<Source> {
  checkOptions('exportHf', options, optionNames);
  const { maxShardBytes = DEFAULT_SHARD_BYTES, dtype, licence: given } = options;
  checkNumber('exportHf', 'maxShardBytes', maxShardBytes, { min: 1, whole: true });
  if (dtype !== undefined) checkChoice('exportHf', 'dtype', dtype, dtypes);
  const artefact = new Artefact(folder);
  const files = await artefact.hashed();
  const { config, names, quantized } = checkedModel(folder);
  if (dtype !== undefined && quantized.length > 0)
    throw new ConfigError('quantized-model', `${folder} is quantized, so its weights cannot become ${dtype}`, {
      remedy: 'Leave dtype out, or export the model that it was made from.',
      fields: { folder, dtype },
    });
  const weights = artefact.weights();
  try {
    for (const path of quantized) names.push(...weights.names.filter((name) => name.startsWith(`${path}.`)));
    const tensors = names.map((name) => [name, tensorOf(weights, name, dtype)] as const);
    const sizes = tensors.map(([, tensor]) => numBytes(tensor));
    const bytes = sizes.reduce((a, b) => a + b, 0);
    const ancestry = await ancestryOf(folder, files.hash);
    const licence = given ?? licenceAmong(ancestry);
    const sourceDtype = weights.info(names[0]!).dtype;
    const plan: ExportHfPlan = {
      parameters: [...tensorShapes(config).values()].reduce((sum, shape) => sum + numElements(shape), 0),
      dtype: dtype ?? sourceDtype,
      bytes,
      shards: cutIntoShards(sizes, (size) => size, maxShardBytes).length,
      licence: licence ?? null,
      seconds: bytes / bytesPerSecond,
      memoryBytes: runtimeBytes,
      diskBytes: bytes,
    };
    return {
      artefact,
      config,
      tensors,
      ancestry,
      plan,
      sourceDtype,
      licence,
      requireUnchanged: () => files.requireUnchanged(),
      [Symbol.dispose]: () => weights.close(),
    };
  } catch (error) {
    weights.close();
    throw error;
  }
}

/**
 * Opens the model, which holds its weights against its config; none of them is read for that. `names` are those of its parameters,
 * `quantized` the paths of matrices in few bits, whose tensors are written as they are in the file.
 */
function checkedModel(folder: string): { config: Plamo2Config; names: string[]; quantized: string[] } {
  using model = loadModel(folder);
  const quantized = [...namedModules(model)].flatMap(([path, module]) =>
    module instanceof QuantizedLinear ? [path] : [],
  );
  return { config: model.config, names: namedParameters(model).map(([name]) => name), quantized };
}

/** A tensor as it will be written, read from its file in pieces. */
function tensorOf(weights: Safetensors, name: string, wanted: DType | undefined): LazyTensor {
  const { dtype, shape, stored } = weights.info(name);
  const target = wanted ?? dtype;
  return {
    dtype: target,
    shape,
    stored,
    *read() {
      for (const piece of readPieces(weights, name, target)) {
        if (wanted) requireInRange(name, piece);
        yield piece;
      }
    },
  };
}

/** @throws UserError when numbers became infinite in another type, or are none */
function requireInRange(name: string, piece: Tensor): void {
  if (areFinite(piece)) return;
  throw new UserError('weight-range', `"${name}" has numbers that are too large for ${piece.dtype}, or no numbers`, {
    remedy: 'Leave dtype out: the weights stay as they are.',
    fields: { tensor: name, dtype: piece.dtype },
  });
}

/** The model's own; otherwise that of all the models of the hub that it was made from, when they agree. */
function licenceAmong([self, ...others]: readonly Ancestor[]): string | undefined {
  if (self?.licence !== undefined) return self.licence;
  const found = new Set(others.map(({ licence }) => licence));
  return found.size === 1 ? [...found][0] : undefined;
}
