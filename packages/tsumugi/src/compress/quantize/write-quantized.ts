// The folder of a quantized model: the layers that are done, and from the source everything else.

import { UserError } from '../../base/index.ts';
import { layerOf, tensorShapes } from '../../lm/index.ts';
import {
  type JsonObject,
  type LazyTensor,
  type Lineage,
  type NamedTensor,
  type Provenance,
  type QuantizationSummary,
  readPieces,
  renderQuantization,
  type Safetensors,
  writeArtefactInSteps,
} from '../../store/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { areFinite } from '../are-finite.ts';
import type { ChosenBits } from './chosen-bits.ts';
import type { QuantizeConfig } from './quantize-config.ts';
import { storedType } from './size.ts';
import type { SourceModel } from './source.ts';

/** The table of what each matrix costs and the bits that it got, in the folder of a model that was made for a target. */
const BITS_FILE = 'bits.json';

interface QuantizedContent {
  readonly source: SourceModel;
  readonly config: QuantizeConfig;
  readonly summary: QuantizationSummary;
  /** The file of a layer that is done. */
  layer(index: number): Safetensors;
  /** What the bits of matrices were chosen by: written beside the weights. */
  readonly chosen?: ChosenBits | undefined;
  readonly lineage: Provenance;
  readonly maxShardBytes?: number | undefined;
}

export async function writeQuantized(
  out: string,
  content: QuantizedContent,
  pause: (() => Promise<void>) | undefined,
): Promise<Lineage> {
  const { source, config, summary, chosen } = content;
  const { artefact, json } = source;
  const written = {
    config: {
      ...json,
      torch_dtype: config.keptType,
      ...('dtype' in json && { dtype: config.keptType }), // newer files call it so
      quantization_config: renderQuantization(summary),
    } as JsonObject,
    tensors: tensorsOf(content),
    ...artefact.companions(),
    extra: chosen && { [BITS_FILE]: `${JSON.stringify({ ...chosen, kept: undefined }, null, 2)}\n` },
    lineage: content.lineage,
    maxShardBytes: content.maxShardBytes,
  };
  return await writeArtefactInSteps(out, written, pause);
}

function* tensorsOf({ source, config, layer }: QuantizedContent): Generator<NamedTensor> {
  for (const [name] of tensorShapes(source.config)) {
    const index = layerOf(name);
    const file = index === undefined ? undefined : layer(index);
    const path = name.replace(/\.weight$/, '');
    const parts = file?.names.filter((each) => each.startsWith(`${path}.`) && each !== name) ?? [];
    if (file && parts.length > 0)
      for (const part of [...(file.has(name) ? [name] : []), ...parts]) yield [part, asItIs(file, part)];
    else yield [name, file?.has(name) ? changed(file, source, name, config) : kept(source, name, config)];
  }
}

function asItIs(file: Safetensors, name: string): LazyTensor {
  const { dtype, shape, stored } = file.info(name);
  return { dtype, shape, stored, read: () => file.tensor(name) };
}

/** A kept tensor that took something over: in the type of the others. */
function changed(file: Safetensors, source: SourceModel, name: string, config: QuantizeConfig): LazyTensor {
  const { dtype: from, shape } = source.weights.info(name);
  const dtype = storedType(name, from, config);
  return { dtype, shape, read: () => checked(file.tensor(name).to(dtype), name) };
}

function kept(source: SourceModel, name: string, config: QuantizeConfig): LazyTensor {
  const { dtype: from, shape } = source.weights.info(name);
  const dtype = storedType(name, from, config);
  function* read(): Generator<Tensor> {
    for (const piece of readPieces(source.weights, name, dtype)) yield checked(piece, name);
  }
  return { dtype, shape, read };
}

/** @throws UserError when numbers were too large for the type */
function checked(piece: Tensor, name: string): Tensor {
  if (areFinite(piece)) return piece;
  throw new UserError('not-finite', `"${name}" has numbers that are not finite in ${piece.dtype}`, {
    remedy: 'Choose keptType=bfloat16, or look at the model with "tsumugi score" first.',
  });
}
