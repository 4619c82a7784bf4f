// Between the bytes of images and the numbers the networks see. As pfnet-research/sngan_projection does:
//   in   x/128 − 1 + u,  u uniform in [0, 1/128): the bytes, made continuous
//   out  clip(x · 127.5 + 127.5, 0, 255), cut to a whole number
import type { RandomStream } from '../../base/index.ts';
import { callOperator, scope, type Tensor } from '../../torch/index.ts';

/** Bytes → numbers in [−1, 1). u is drawn in steps of 2⁻²³, so that the sum is exact in float32 and stays below 1. */
export function dequantise(bytes: Uint8Array, noise: RandomStream): Float32Array {
  const numbers = new Float32Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) numbers[at] = bytes[at]! / 128 - 1 + (noise.nextUint32() >>> 16) / 2 ** 23;
  return numbers;
}

/** float [−1, 1] → bytes in row-major order. What is no number (a run that diverged) becomes 0. */
export function toBytes(images: Tensor): Uint8Array {
  return scope(() => {
    const scaled = images.detach().to('float32').mul(127.5).add(127.5);
    const numbers = callOperator('aten::nan_to_num', scaled, 0, 255, 0) as Tensor;
    return numbers.clamp(0, 255).to('uint8', 'cpu').contiguous().bytes();
  });
}
