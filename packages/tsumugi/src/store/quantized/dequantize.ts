// The tensors that stand for a weight, by layout: their names, shapes, and the weight they mean.
import { scope, type Tensor } from '../../torch/index.ts';
import { unpackAwq } from './awq.ts';
import { type CodeBits, codesPerWord, fromCodes } from './codes.ts';
import { unpackFp8 } from './fp8.ts';
import { unpackGptq } from './gptq.ts';
import type { QuantizedLayout } from './quantization-config.ts';

/** Tensors by the last part of their name. */
export type StoredTensors = Readonly<Record<string, Tensor>>;

/** What is to be known of a stored weight [out, in] besides its tensors. */
export interface StoredWeight {
  layout: QuantizedLayout;
  inFeatures: number;
  outFeatures: number;
  bits: CodeBits;
  groups: number;
  /** What a stored zero lacks. */
  storedZero: number;
}

/** Shape and element type of each tensor of a stored weight. `g_idx` and a scale for each output may be there, too. */
export function storedShapes(weight: StoredWeight): Record<string, { shape: number[]; dtype: 'integer' | 'float' }> {
  const { layout, inFeatures, outFeatures, bits, groups } = weight;
  const packed = outFeatures / codesPerWord(bits);
  if (layout === 'fp8') return { weight: { shape: [outFeatures, inFeatures], dtype: 'integer' } };
  return {
    qweight: {
      shape: layout === 'gptq' ? [inFeatures / codesPerWord(bits), outFeatures] : [inFeatures, packed],
      dtype: 'integer',
    },
    qzeros: { shape: [groups, packed], dtype: 'integer' },
    scales: { shape: [groups, outFeatures], dtype: 'float' },
  };
}

/**
 * The weight [out, in] float32, laid out as one that was never quantized: BLAS may add up a product in another order where a matrix
 * lies transposed (OpenBLAS does so for small ones on CPUs with AVX-512), and the model would answer in other bits.
 */
export function dequantizeStored(tensors: StoredTensors, { layout, bits, storedZero }: StoredWeight): Tensor {
  return scope(() => {
    if (layout === 'fp8') return unpackFp8({ weight: tensors['weight']!, weight_scale: tensors['weight_scale']! });
    const integers = { qweight: tensors['qweight']!, qzeros: tensors['qzeros']!, scales: tensors['scales']! };
    return fromCodes(
      layout === 'awq' ? unpackAwq(integers) : unpackGptq({ ...integers, g_idx: tensors['g_idx'] }, bits, storedZero),
    ).contiguous();
  });
}
