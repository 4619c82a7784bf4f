// The machine a run is measured on: what it is, and its measured peaks.
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import {
  blasCore,
  describeNative,
  measureBandwidth,
  measureFma,
  noGrad,
  numThreads,
  Rng,
  randn,
  scope,
  torchVersion,
} from 'tsumugi/torch';
import { checkBlasCore, ownBlas } from './blas.ts';
import { seconds } from './sampling.ts';

export interface Machine {
  cpu: string;
  /** What kernels and libraries use: "x86-64-v3 of x86-64-v4" where TSUMUGI_CPU has chosen less than there is. */
  level: string;
  cores: number;
  memoryGiB: number;
  /** Threads libtorch uses, in ours and in the peer. */
  threads: number;
  node: string;
  libtorch: string;
  blasCore: string;
  blas: string[];
  /** Processes that wanted to run in the last minute, before the benchmark began. */
  load: number;
  /** f32 fused multiply-adds of all threads together, GFLOP/s. */
  fmaGflops: number;
  /** f32 matrix product 2048³, GFLOP/s: the best of several. */
  matmulGflops: number;
  /** Streaming reads, GB/s. */
  bandwidthGBs: number;
}

/** Seconds of one n³ product: the best of `samples`. */
function matmulSeconds(n: number, samples: number): number {
  return scope(() =>
    noGrad(() => {
      const rng = new Rng(1);
      const a = randn([n, n], rng);
      const b = randn([n, n], rng);
      const once = () => seconds(() => scope(() => void a.mm(b)));
      return Math.min(...Array.from({ length: samples + 1 }, once));
    }),
  );
}

/** The measured f32 matrix product rate, GFLOP/s. */
export const matmulRate = (quick: boolean): number => {
  const n = quick ? 512 : 2048;
  return (2 * n ** 3) / matmulSeconds(n, quick ? 3 : 5) / 1e9;
};

/** Describes and measures this machine; `quick` uses smaller matrices. */
export function measureMachine(quick: boolean): Machine {
  const load = loadavg()[0]!;
  const libtorch = torchVersion();
  const core = blasCore();
  const { level, highest } = describeNative().cpuLevel;
  checkBlasCore(core, level);
  const threads = numThreads();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    level: level === highest ? level : `${level} of ${highest}`,
    cores: availableParallelism(),
    memoryGiB: totalmem() / 2 ** 30,
    threads,
    node: process.versions.node,
    libtorch,
    blasCore: core,
    blas: ownBlas(),
    load,
    fmaGflops: measureFma(threads),
    matmulGflops: matmulRate(quick),
    bandwidthGBs: measureBandwidth(threads),
  };
}

export function describeMachine(machine: Machine): string {
  const { cpu, level, cores, memoryGiB, threads, node, libtorch, blas, load } = machine;
  const { fmaGflops, matmulGflops, bandwidthGBs } = machine;
  return [
    `  CPU         ${cpu}, ${level}, ${cores} cores, ${memoryGiB.toFixed(0)} GiB; load ${load.toFixed(1)} before the run`,
    `  software    Node ${node}, libtorch ${libtorch}, ${threads} threads`,
    `  BLAS        ${machine.blasCore || 'core unknown'}${blas.length ? ` (${blas.join(', ')})` : ''}`,
    `  FMA peak    ${fmaGflops.toFixed(0)} GFLOP/s f32`,
    `  matmul      ${matmulGflops.toFixed(0)} GFLOP/s f32, ${Math.round((100 * matmulGflops) / fmaGflops)} % of that`,
    `  memory      ${bandwidthGBs.toFixed(1)} GB/s of reads`,
  ].join('\n');
}
