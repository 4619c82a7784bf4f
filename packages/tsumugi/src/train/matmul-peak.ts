// The rate that utilization is a share of: what this machine reaches in a large matrix product, measured once in a process.
import { type Device, type DType, measureMatmul } from '../torch/index.ts';

const known = new Map<string, number>();

/**
 * Floating-point operations per second: the best product of a tenth of a second, of 1,024 × 1,024 matrices on the CPU and 8,192 × 8,192
 * on a GPU, in the type that steps compute in.
 */
export function matmulPeak(device: Device, dtype: DType = 'float32'): number {
  const key = `${device} ${dtype}`;
  const peak = known.get(key) ?? measureMatmul(device === 'cpu' ? 1024 : 8192, { device, dtype, seconds: 0.1 });
  known.set(key, peak);
  return peak;
}
