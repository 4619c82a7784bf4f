// The rules by which the doctor judges its measurements: each finds a problem and names the remedy.

export interface Facts {
  node: string;
  /** `level`: what kernels are compiled for; `highest`: what the CPU has; `chosen`: whether TSUMUGI_CPU said so. */
  cpu: { model: string; cores: number; level: string; highest: string; chosen: boolean };
  /** The share of all cores that other programs took just before the measurements, 0 to 1. */
  otherLoad: number;
  /** What makes the addon here. */
  setupCommand: string;
  /** What kept the addon from loading; the rest is then missing. */
  failure?: { message: string; remedy: string };
  libtorch?: { version: string; source: string; libDir: string; cuda: boolean };
  blas?: { kind: BlasKind; core: string };
  threads?: number;
  /** f32 matrix product at 2048³ and fused multiply-adds, both with `threads` threads, in GFLOP/s. */
  matmul?: { gflops: number; peak: number };
  /** Reading memory in order, in GB/s. */
  bandwidth?: number;
  cuda?: { available: boolean; hardware: boolean };
  /** What processes that train together can send each other tensors over; `withoutNccl`: why not over the NCCL that libtorch has. */
  mesh?: { backends: readonly ('gloo' | 'nccl')[]; withoutNccl?: string };
}

export type BlasKind = 'OpenBLAS (OpenMP)' | 'OpenBLAS (pthread)' | 'OpenBLAS' | 'MKL' | 'reference BLAS' | 'unknown';

export interface Problem {
  code: string;
  /** A `broken` one keeps tsumugi from working at all. */
  severity: 'broken' | 'slow' | 'note';
  message: string;
  remedy: string;
}

/** Cores that OpenBLAS falls back to when it does not know the CPU; none uses AVX. */
const sseCores =
  /^(prescott|core2|penryn|dunnington|nehalem|atom|nano|barcelona|opteron|katmai|coppermine|northwood|banias)/i;

/** Which BLAS a process uses, from the names of its mapped files (the text of /proc/self/maps). */
export function blasKind(maps: string, core: string, mkl: boolean): BlasKind {
  if (/\/openblas-openmp\//.test(maps)) return 'OpenBLAS (OpenMP)';
  if (/\/openblas-pthread\//.test(maps)) return 'OpenBLAS (pthread)';
  if (core !== '' || /libopenblas/.test(maps)) return 'OpenBLAS';
  if (mkl || /libmkl/.test(maps)) return 'MKL';
  if (/\/libblas\.so/.test(maps)) return 'reference BLAS';
  return 'unknown';
}

const openmpRemedy = (setup: string) =>
  `apt-get install libopenblas0-openmp (or your system's like), then \`${setup}\``;

export function diagnose(facts: Facts): Problem[] {
  const problems: Problem[] = [];
  const add = (severity: Problem['severity'], code: string, message: string, remedy: string) =>
    problems.push({ code, severity, message, remedy });
  const { cpu, blas, threads, matmul, cuda, mesh } = facts;

  if (Number.parseInt(facts.node, 10) < 24) {
    add(
      'broken',
      'node-too-old',
      `Node ${facts.node} is older than 24`,
      'run through the tsumugi command or npm scripts',
    );
  }
  if (facts.failure) add('broken', 'native-unusable', facts.failure.message, facts.failure.remedy);

  const wide = cpu.level === 'x86-64-v3' || cpu.level === 'x86-64-v4';
  if (blas && wide && sseCores.test(blas.core)) {
    add(
      'slow',
      'blas-sse-core',
      `OpenBLAS runs its ${blas.core} core, which leaves this CPU's vector units idle`,
      `unset OPENBLAS_CORETYPE, or set it to ${cpu.level === 'x86-64-v4' ? 'SkylakeX' : 'Haswell'}`,
    );
  }
  if (blas?.kind === 'reference BLAS') {
    add(
      'slow',
      'blas-reference',
      'matrix products run on the reference BLAS, many times slower than OpenBLAS',
      openmpRemedy(facts.setupCommand),
    );
  }
  if (blas?.kind === 'OpenBLAS (pthread)' && cpu.cores > 1) {
    add(
      'slow',
      'blas-second-pool',
      "OpenBLAS brings a second pool of threads, which gets in the way of libtorch's own",
      openmpRemedy(facts.setupCommand),
    );
  }
  if (threads !== undefined && threads < cpu.cores) {
    add(
      'slow',
      'threads-few',
      `libtorch uses ${threads} of ${cpu.cores} cores`,
      'unset TSUMUGI_THREADS and OMP_NUM_THREADS, or set TSUMUGI_THREADS to the number of cores',
    );
  }
  const busy = matmul !== undefined && facts.otherLoad > 0.3;
  if (busy) {
    const percent = Math.round(100 * facts.otherLoad);
    add(
      'note',
      'machine-busy',
      `other programs take about ${percent} % of the CPU`,
      'end them and run the doctor again for fair metrics',
    );
  }
  // Only when no rule above explains the low share better.
  if (matmul && matmul.gflops < 0.5 * matmul.peak && !busy && !problems.some(({ severity }) => severity === 'slow')) {
    const share = Math.round((100 * matmul.gflops) / matmul.peak);
    add(
      'slow',
      'matmul-slow',
      `matrix products reach ${share} % of what the CPU can do`,
      `try another BLAS or libtorch (LIBTORCH=folder \`${facts.setupCommand}\`), and check that no other program is running`,
    );
  }
  if (facts.libtorch?.cuda && cuda && !cuda.available) {
    add(
      'note',
      'cuda-unusable',
      'this libtorch has CUDA but finds no device it can use',
      'check `nvidia-smi` and the driver; the CPU is used meanwhile',
    );
  }
  if (facts.libtorch && !facts.libtorch.cuda && cuda?.hardware) {
    add(
      'note',
      'cuda-unused',
      'there is an NVIDIA device, but this libtorch is built for the CPU only',
      `install a CUDA build of torch for python3, or set LIBTORCH to one, then \`${facts.setupCommand}\``,
    );
  }
  if (mesh?.withoutNccl !== undefined) {
    add(
      'note',
      'nccl-left-out',
      `the addon was built without libtorch's NCCL, so processes cannot train together on CUDA: ${mesh.withoutNccl}`,
      `install the package with pip beside this torch, in the version that torch asks for, then \`${facts.setupCommand}\``,
    );
  }
  return problems;
}
