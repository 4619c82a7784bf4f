// A quantized matrix as the tensors of its layout.
import { invariant } from '../../base/index.ts';
import {
  type CodeBits,
  packAwq,
  packFp8,
  packGptq,
  type QuantizedCodes,
  type QuantizedLayout,
  type StoredCode,
} from '../../store/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';

export interface PackedTensor {
  /** The last part of its name: `qweight`. */
  part: string;
  tensor: Tensor;
  stored?: StoredCode | undefined;
}

/** GPTQ's and AWQ's tensors for codes. */
export function packCodes(codes: QuantizedCodes, layout: QuantizedLayout, bits: CodeBits): PackedTensor[] {
  invariant(layout !== 'fp8' && (layout === 'gptq' || bits === 4), 'a layout for codes');
  const tensors = layout === 'awq' ? packAwq(codes) : packGptq(codes, bits);
  return Object.entries(tensors).map(([part, tensor]) => ({ part, tensor: tensor as Tensor }));
}

/** FP8's tensors for a weight. */
export function packWeight(weight: Tensor): PackedTensor[] {
  return scope(() => {
    const { weight: codes, weight_scale } = packFp8(weight);
    return [
      { part: 'weight', tensor: codes, stored: 'F8_E4M3' },
      { part: 'weight_scale', tensor: weight_scale },
    ];
  });
}
