// Between the bytes of images and the numbers the networks see. As pfnet-research/sngan_projection does:
//   in   x/128 − 1 + u,  u uniform in [0, 1/128): the bytes, made continuous
//   out  clip(x · 127.5 + 127.5, 0, 255), cut to a whole number
import type { RandomStream } from '../base/index.ts';
import { requireFiniteRows } from '../nn/index.ts';
import { scope, type Tensor } from '../torch/index.ts';

/** Bytes → numbers in [−1, 1). u is drawn in steps of 2⁻²³, so that the sum is exact in float32 and stays below 1. */
export function dequantise(bytes: Uint8Array, noise: RandomStream): Float32Array {
  const numbers = new Float32Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) numbers[at] = bytes[at]! / 128 - 1 + (noise.nextUint32() >>> 16) / 2 ** 23;
  return numbers;
}

/** float [B, …] in [−1, 1] → bytes in row-major order. @throws UserError that names the first image with NaN or an infinity */
export function toBytes(images: Tensor): Uint8Array {
  requireFiniteRows(images, (row) => `image ${row}`, 'The generator has diverged: take an earlier one.');
  return scope(() => {
    const scaled = images.detach().to('float32').mul(127.5).add(127.5);
    return scaled.clamp(0, 255).to('uint8', 'cpu').contiguous().bytes();
  });
}
