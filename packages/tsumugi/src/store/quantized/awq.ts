// The AWQ layout ("gemm", 4 bits; compress.md 2.4), as AutoAWQ writes it and vLLM reads it:
//
//   qweight int32 [in, out/8]       nibble i of a word holds output 8·w + order[i]
//   qzeros  int32 [groups, out/8]   the zeros, in the same order
//   scales  f16   [groups, out]
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import { packLast, type QuantizedCodes, unpackLast } from './codes.ts';

export interface AwqTensors {
  qweight: Tensor;
  qzeros: Tensor;
  scales: Tensor;
}

const order = [0, 2, 4, 6, 1, 3, 5, 7];
const inverse = order.map((_, output) => order.indexOf(output));

/** Each eight columns of [rows, n·8] in the order of a word. */
function inWordOrder(columns: Tensor): Tensor {
  const [rows, width] = columns.shape as [number, number];
  const index = tensor(order, { dtype: 'int64', device: columns.device });
  return columns
    .reshape([rows, width / 8, 8])
    .indexSelect(2, index)
    .reshape([rows, width]);
}

export function packAwq({ codes, zeros, scales }: QuantizedCodes): AwqTensors {
  return scope(() => ({
    qweight: packLast(inWordOrder(codes), 4),
    qzeros: packLast(inWordOrder(zeros), 4),
    scales: scales.to('float16').contiguous(),
  }));
}

export function unpackAwq({ qweight, qzeros, scales }: AwqTensors): QuantizedCodes {
  return scope(() => ({
    codes: unpackLast(qweight, 4, inverse),
    zeros: unpackLast(qzeros, 4, inverse),
    scales,
  }));
}
