// The doctor: every problem comes with its remedy.
import { describe, expect, it } from 'vitest';
import { blasKind, diagnose, type Facts } from './diagnosis.ts';

const healthy: Facts = {
  node: '26.10.0',
  cpu: { model: 'a CPU', cores: 4, level: 'x86-64-v4', highest: 'x86-64-v4', chosen: false },
  otherLoad: 0.02,
  setupCommand: 'npx tsumugi setup',
  libtorch: { version: '2.6.0', source: 'system', libDir: '/usr/lib', cuda: false },
  blas: { kind: 'OpenBLAS (OpenMP)', core: 'SkylakeX' },
  threads: 4,
  matmul: { gflops: 600, peak: 800 },
  bandwidth: 40,
  cuda: { available: false, hardware: false },
  mesh: { backends: ['gloo'] },
};
const codes = (change: Partial<Facts>) => diagnose({ ...healthy, ...change }).map(({ code }) => code);

describe('diagnose', () => {
  it('finds nothing on a healthy machine', () => {
    expect(diagnose(healthy)).toEqual([]);
  });

  it('names each problem', () => {
    expect(codes({ node: '22.1.0' })).toEqual(['node-too-old']);
    expect(codes({ blas: { kind: 'OpenBLAS', core: 'Prescott' } })).toEqual(['blas-sse-core']);
    expect(codes({ blas: { kind: 'reference BLAS', core: '' } })).toEqual(['blas-reference']);
    expect(codes({ blas: { kind: 'OpenBLAS (pthread)', core: 'Haswell' } })).toEqual(['blas-second-pool']);
    expect(codes({ threads: 1 })).toEqual(['threads-few']);
    expect(codes({ otherLoad: 0.8 })).toEqual(['machine-busy']);
    expect(codes({ matmul: { gflops: 300, peak: 800 } })).toEqual(['matmul-slow']);
    expect(codes({ libtorch: { ...healthy.libtorch!, cuda: true } })).toEqual(['cuda-unusable']);
    expect(codes({ cuda: { available: false, hardware: true } })).toEqual(['cuda-unused']);
    expect(codes({ mesh: { backends: ['gloo'], withoutNccl: 'no nccl.h' } })).toEqual(['nccl-left-out']);
  });

  it('names the set-up of this installation', () => {
    for (const change of [
      { cuda: { available: false, hardware: true } },
      { matmul: { gflops: 300, peak: 800 } },
      { blas: { kind: 'reference BLAS', core: '' } },
    ] satisfies Partial<Facts>[])
      expect(diagnose({ ...healthy, ...change })[0]!.remedy).toContain('`npx tsumugi setup`');
  });

  it('leaves an SSE core alone where the CPU has nothing better', () => {
    const cpu = { ...healthy.cpu, level: 'x86-64-v2' };
    expect(codes({ cpu, blas: { kind: 'OpenBLAS', core: 'Nehalem' } })).toEqual([]);
  });

  it('does not blame a slow product on itself when its cause is known', () => {
    const matmul = { gflops: 100, peak: 800 };
    expect(codes({ matmul, blas: { kind: 'OpenBLAS', core: 'Prescott' } })).toEqual(['blas-sse-core']);
    expect(codes({ matmul, otherLoad: 0.9 })).toEqual(['machine-busy']);
  });

  it('gives every problem a remedy, and calls broken only what keeps tsumugi from working', () => {
    const { libtorch: _, blas: __, threads: ___, matmul: ____, ...bare } = healthy;
    const problems = diagnose({
      ...bare,
      failure: { message: 'the addon is not built', remedy: 'run `npm run setup`' },
    });
    expect(problems).toEqual([
      {
        code: 'native-unusable',
        severity: 'broken',
        message: 'the addon is not built',
        remedy: 'run `npm run setup`',
      },
    ]);
    for (const { remedy } of diagnose({ ...healthy, threads: 1, otherLoad: 1 })) expect(remedy).not.toBe('');
  });
});

describe('blasKind', () => {
  const line = (path: string) => `7f00-7f01 r-xp 00000000 fe:00 1  ${path}\n`;
  it('reads the mapped files', () => {
    const blas = '/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3';
    expect(blasKind(line(blas), 'SkylakeX', false)).toBe('OpenBLAS (OpenMP)');
    expect(blasKind(line('/usr/lib/openblas-pthread/libopenblas.so.0'), 'Zen', false)).toBe('OpenBLAS (pthread)');
    expect(blasKind(line('/usr/lib/libopenblas.so.0'), 'Zen', false)).toBe('OpenBLAS');
    expect(blasKind(line('/opt/torch/lib/libtorch_cpu.so'), '', true)).toBe('MKL');
    expect(blasKind(line('/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0'), '', false)).toBe('reference BLAS');
    expect(blasKind('', '', false)).toBe('unknown');
  });
});
