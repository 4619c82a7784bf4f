// What this libtorch is: version, threads, devices, and the machine's measured peaks.
import { describe } from '@tsumugi/native';
import { ConfigError } from '../base/index.ts';
import { cudaOfRank } from './cuda-of-rank.ts';
import type { Device } from './dtype.ts';
import { native, nativeIfLoaded } from './native.ts';

export const torchVersion = (): string => native().version().torch;
/** What the loader found (libtorch, addon, what stands in the way), without loading anything. */
export const describeNative = describe;
/** Whether this libtorch's matrix products come from MKL. */
export const usesMkl = (): boolean => native().version().mkl;
export const hasCuda = (): boolean => native().version().cuda;
/** What collectives can go over; none where libtorch has no c10d. */
export const meshBackends = (): ('gloo' | 'nccl')[] => native().meshBackends();
/** The core OpenBLAS chose, '' when the BLAS is another. */
export const blasCore = (): string => native().blasCore();
export const numThreads = (): number => native().threads();
export const setThreads = (threads: number): void => native().setThreads(threads);
/** f32 fused-multiply-add peak in GFLOP/s, measured for a tenth of a second. */
export const measureFma = (threads: number): number => native().measureFma(threads);
/** Streaming read bandwidth in GB/s. */
export const measureBandwidth = (threads: number): number => native().measureBandwidth(threads);
/**
 * A device by its name; `cuda` is the rank's own where several processes train together. `where` is what named it, for the error.
 *
 * @throws ConfigError for a name that libtorch does not know, or a device that is not there
 */
export function parseDevice(name: string, where = 'device'): Device {
  if (!/^(cpu|cuda(:\d+)?)$/.test(name))
    throw new ConfigError('bad-option', `${where}: expected cpu, cuda or cuda:N, got "${name}"`, {
      fields: { device: name },
    });
  if (name !== 'cpu' && !hasCuda())
    throw new ConfigError('no-cuda', `${where} ${name}: this libtorch has no CUDA device`, {
      remedy: 'Leave it out, or see what `tsumugi doctor` says about CUDA.',
      fields: { device: name },
    });
  return name === 'cuda' ? cudaOfRank(process.env, native().version().cudaDevices, where) : (name as Device);
}
/**
 * While Node listens to SIGINT and SIGTERM: makes a second one end the process at once, even inside a native call. Only where
 * the addon is loaded; nothing else keeps Node from hearing. Returns whether it is so.
 */
export function guardSignals(): boolean {
  nativeIfLoaded()?.guardSignals();
  return nativeIfLoaded() !== undefined;
}
export const releaseSignals = (): void => nativeIfLoaded()?.releaseSignals();
