// Which matrices of a model folder are kept in few bits. The file says it: a matrix has `qweight` (or codes of FP8) in place of `weight`.
// So folders with matrices of several widths are read whatever their config.json says of which is which.
import { join } from 'node:path';
import { CheckpointError, UserError } from '../base/index.ts';
import { replaceModule } from '../nn/index.ts';
import {
  Artefact,
  CONFIG_FILE,
  codesPerWord,
  quantizationOf,
  type Safetensors,
  type StoredWeight,
  storedShapes,
} from '../store/index.ts';
import { type Device, type DType, full, scope, type Tensor } from '../torch/index.ts';
import type { Plamo2 } from './model.ts';
import { QuantizedLinear } from './quantized-linear.ts';

/** A matrix in few bits: its path, and the names of its tensors in the file. */
export interface QuantizedMatrix {
  path: string;
  stored: StoredWeight;
  names: readonly string[];
}

export interface QuantizedWeights {
  readonly matrices: readonly QuantizedMatrix[];
  /** The shapes that the file must have: those of the model, with the tensors of quantized matrices in their places. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Names of tensors that hold integers. */
  readonly integers: ReadonlySet<string>;
}

const ending = '.weight';

/** @throws ConfigError for a quantization that is not read, CheckpointError naming a tensor whose shape means nothing */
export function quantizedWeights(
  artefact: Artefact,
  weights: Safetensors,
  shapes: ReadonlyMap<string, readonly number[]>,
): QuantizedWeights {
  const config = quantizationOf(artefact.config(), join(artefact.path, CONFIG_FILE));
  if (!config) return { matrices: [], shapes, integers: new Set() };
  const { layout, storedZero } = config;
  const matrices: QuantizedMatrix[] = [];
  const integers = new Set<string>();
  const all = new Map<string, readonly number[]>();
  for (const [name, shape] of shapes) {
    const path = name.slice(0, -ending.length);
    const isMatrix = name.endsWith(ending) && shape.length === 2;
    const mark = layout === 'fp8' ? name : `${path}.qweight`;
    const isQuantized = isMatrix && weights.has(mark) && (layout !== 'fp8' || weights.info(mark).stored === 'F8_E4M3');
    if (!isQuantized) {
      all.set(name, shape);
      continue;
    }
    const [outFeatures, inFeatures] = shape as [number, number];
    const stored: StoredWeight = {
      ...{ layout, inFeatures, outFeatures, storedZero },
      bits: 8,
      groups: 1,
      ...(layout !== 'fp8' && measured(layout, weights, path, inFeatures)),
    };
    const expected = storedShapes(stored);
    const names = Object.keys(expected);
    for (const [part, { shape: own, dtype }] of Object.entries(expected)) {
      all.set(`${path}.${part}`, own);
      if (dtype === 'integer') integers.add(`${path}.${part}`);
    }
    if (layout === 'fp8') {
      const scale = `${path}.weight_scale`;
      const given = weights.has(scale) ? weights.info(scale).shape : [];
      all.set(scale, given.length > 0 && given[0] !== 1 ? [outFeatures, 1].slice(0, given.length) : given);
      names.push('weight_scale');
    } else if (layout === 'gptq' && weights.has(`${path}.g_idx`)) {
      all.set(`${path}.g_idx`, [inFeatures]);
      integers.add(`${path}.g_idx`);
      names.push('g_idx');
    }
    matrices.push({ path, stored, names });
  }
  return { matrices, shapes: all, integers };
}

/** Width and groups, as the shapes of the tensors tell them. */
function measured(
  layout: 'gptq' | 'awq',
  weights: Safetensors,
  path: string,
  inFeatures: number,
): Pick<StoredWeight, 'bits' | 'groups'> {
  const rows = weights.info(`${path}.qweight`).shape[0] ?? 0;
  const bits = layout === 'awq' ? 4 : rows * codesPerWord(8) === inFeatures ? 8 : 4;
  const groups = weights.has(`${path}.scales`) ? weights.info(`${path}.scales`).shape[0]! : 1;
  if (inFeatures % groups !== 0 && !weights.has(`${path}.g_idx`))
    throw new CheckpointError('wrong-shape', `"${path}.scales" has ${groups} groups for ${inFeatures} inputs`, {
      remedy: 'Get the weights again from where the model came from.',
      fields: { path },
    });
  return { bits, groups };
}

/** A stand-in for a matrix that will be replaced: it takes no memory. */
export const standIn = (shape: readonly number[]): Tensor => scope(() => full([], 0).expand(shape));

/** Puts the matrices of a folder into a model. Scales and indices stay as they are in the file. @throws CheckpointError */
export function putQuantized(
  model: Plamo2,
  weights: Safetensors,
  matrices: readonly QuantizedMatrix[],
  device: Device,
): void {
  for (const { path, stored, names } of matrices) {
    if (names.includes('g_idx')) requireGroups(path, weights, stored.groups);
    const tensors = scope(() =>
      Object.fromEntries(names.map((name) => [name, weights.tensor(`${path}.${name}`).to(device)])),
    );
    replaceModule(model, path, new QuantizedLinear(stored, tensors)).dispose();
  }
}

function requireGroups(path: string, weights: Safetensors, groups: number): void {
  const [least, most] = scope(() => {
    const index = weights.tensor(`${path}.g_idx`);
    return [index.min().item(), index.max().item()] as const;
  });
  if (least >= 0 && most < groups) return;
  throw new CheckpointError('bad-groups', `"${path}.g_idx" names group ${least < 0 ? least : most} of ${groups}`, {
    remedy: 'Get the weights again from where the model came from.',
    fields: { path },
  });
}

/**
 * @param done what is to be done with the model, e.g. "trained"
 * @throws UserError for a folder whose weights are quantized
 */
export function requireDense(folder: string, done: string): void {
  const config = quantizationOf(new Artefact(folder).config(), join(folder, CONFIG_FILE));
  if (!config) return;
  throw new UserError(
    'quantized-model',
    `${folder} is quantized (${config.layout}, ${config.bits} bits), so it cannot be ${done}`,
    {
      remedy: 'Take the model that it was made from, and quantize the result.',
      fields: { folder },
    },
  );
}

/** What a quantized model computes in, when nothing else is asked for: its other tensors are of several types. */
export const quantizedDType: DType = 'float32';
