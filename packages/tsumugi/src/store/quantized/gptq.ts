// The GPTQ layout, as AutoGPTQ and GPTQModel write it and vLLM reads it (compress.md 2.3, the usual layout, not checked against a
// published PLaMo 2 file):
//
//   qweight int32 [in·bits/32, out]      consecutive inputs of one output in a word, the first in the low bits
//   qzeros  int32 [groups, out·bits/32]  zero − 1 (version 1) or zero (version 2) of consecutive outputs
//   scales  f16   [groups, out]
//   g_idx   int32 [in]                   the group of each input
import { scope, type Tensor } from '../../torch/index.ts';
import { type CodeBits, groupsOfNeighbours, packLast, type QuantizedCodes, unpackLast, unpackRows } from './codes.ts';

export interface GptqTensors {
  qweight: Tensor;
  qzeros: Tensor;
  scales: Tensor;
  g_idx?: Tensor | undefined;
}

/** What version 1 keeps of a zero: one less. A zero of 0 has no place in it. */
const version1 = 1;

/** Packs codes, in version 1. Zeros must be at least 1, so that no reader wraps them. */
export function packGptq(
  { codes, zeros, scales, groupOf }: QuantizedCodes,
  bits: CodeBits,
): GptqTensors & { g_idx: Tensor } {
  return scope(() => ({
    qweight: packLast(codes.transpose(0, 1), bits).transpose(0, 1).contiguous(),
    qzeros: packLast(zeros.sub(version1), bits),
    scales: scales.to('float16').contiguous(),
    g_idx: groupOf ? groupOf.to('int32') : groupsOfNeighbours(codes.size(0), scales.size(0), codes),
  }));
}

/** The codes of packed tensors. `storedZero` is what was taken off the zeros: 1 in version 1, 0 in version 2. */
export function unpackGptq(
  { qweight, qzeros, scales, g_idx }: GptqTensors,
  bits: CodeBits,
  storedZero = version1,
): QuantizedCodes {
  return scope(() => ({
    codes: unpackRows(qweight, bits),
    zeros: unpackLast(qzeros, bits).add(storedZero),
    scales,
    groupOf: g_idx,
  }));
}
