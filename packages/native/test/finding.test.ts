// The pure parts of finding, choosing and building: CPU flags, versions, environment, BLAS folders, error excerpts.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureExcerpt, needsOpenblas, openblasFolders } from '../lib/build.js';
import { buildKey, usesCxx11Strings } from '../lib/builds.js';
import { cacheRoot, userHome } from '../lib/cache-folder.js';
import { describeCompiler, findCompiler } from '../lib/compiler.js';
import { chooseLevel, cpuLevel, libraryChoice, openblasCoreType, parseCpuFlags } from '../lib/cpu.js';
import { loadEnvironment } from '../lib/environment.js';
import { findLibtorch, isSupported, parseVersionHeader } from '../lib/libtorch.js';
import { aptProgress, instructions, parseCandidate } from '../lib/system-packages.js';

const v2 = 'cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3';
const v3 = `${v2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave`;
const v4 = `${v3} avx512f avx512bw avx512cd avx512dq avx512vl`;
const flags = (line: string) => parseCpuFlags(`processor\t: 0\nflags\t\t: ${line}\nbugs\t\t: none\n`);

describe('cpu', () => {
  it.each([
    [v4, 'x86-64-v4', 'SkylakeX'],
    [v3, 'x86-64-v3', 'Haswell'],
    [v2, 'x86-64-v2', undefined],
    ['sse sse2', 'x86-64', undefined],
    // AVX-512 without its BW and VL parts (Xeon Phi) is no v4, and SkylakeX kernels would not run on it.
    [`${v3} avx512f avx512cd`, 'x86-64-v3', 'Haswell'],
    // A hypervisor that hides a part of a lower level.
    [v4.replace('bmi2', ''), 'x86-64-v2', 'SkylakeX'],
  ])('reads the level of "%s"', (line, level, core) => {
    expect(cpuLevel(flags(line), 'x64')).toBe(level);
    expect(openblasCoreType(flags(line), 'x64')).toBe(core);
  });

  it('knows Arm by its architecture alone', () => {
    expect(cpuLevel(new Set(), 'arm64')).toBe('aarch64');
    expect(openblasCoreType(new Set(['asimd']), 'arm64')).toBeUndefined();
  });

  const choose = (wanted: string, line: string, arch = 'x64') =>
    chooseLevel({ TSUMUGI_CPU: wanted }, flags(line), arch as NodeJS.Architecture);

  it('stays at the level of TSUMUGI_CPU, with every library', () => {
    expect(choose('', v4)).toEqual({ level: 'x86-64-v4', highest: 'x86-64-v4', chosen: false });
    const lower = choose('x86-64-v3', v4);
    expect(lower).toEqual({ level: 'x86-64-v3', highest: 'x86-64-v4', chosen: true });
    expect(libraryChoice(lower, flags(v4))).toEqual({
      core: 'Haswell',
      limits: { ATEN_CPU_CAPABILITY: 'avx2', ONEDNN_MAX_CPU_ISA: 'AVX2', MKL_ENABLE_INSTRUCTIONS: 'AVX2' },
    });
    expect(libraryChoice(choose('x86-64-v2', v3), flags(v3)).core).toBe('Nehalem');
    for (const wanted of ['', 'x86-64-v3'])
      expect(libraryChoice(choose(wanted, v3), flags(v3))).toEqual({ core: 'Haswell', limits: {} });
  });

  it('refuses a level that is none, and one that this CPU lacks', () => {
    const advice = 'set TSUMUGI_CPU to x86-64 or x86-64-v2 or x86-64-v3, or unset it';
    expect(choose('x86-64-v4', v3).problem).toEqual({
      message: 'TSUMUGI_CPU asks for x86-64-v4, but this CPU has x86-64-v3 at most',
      remedy: advice,
    });
    for (const wanted of ['avx2', 'X86-64-V3', 'x86-64-v5', ' x86-64-v3'])
      expect(choose(wanted, v3).problem).toEqual({
        message: `TSUMUGI_CPU should be a CPU level (x86-64, x86-64-v2, x86-64-v3, x86-64-v4) but is "${wanted}"`,
        remedy: advice,
      });
    expect(choose('x86-64-v3', 'asimd', 'arm64').problem!.remedy).toBe('set TSUMUGI_CPU to aarch64, or unset it');
    expect(choose('aarch64', 'asimd', 'arm64').problem).toBeUndefined();
  });
});

describe('the cache', () => {
  it.each([
    ['linux', {}, '/home/me/.cache/tsumugi'],
    ['darwin', {}, '/home/me/Library/Caches/tsumugi'],
    ['win32', {}, '/home/me/AppData/Local/tsumugi'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/tsumugi'],
    ['linux', { LOCALAPPDATA: '/local' }, '/home/me/.cache/tsumugi'],
    ['darwin', { XDG_CACHE_HOME: '/xdg' }, '/xdg/tsumugi'],
    ['win32', { XDG_CACHE_HOME: '/xdg', LOCALAPPDATA: '/local' }, '/xdg/tsumugi'],
    ['linux', { XDG_CACHE_HOME: 'relative' }, '/home/me/.cache/tsumugi'], // to be ignored, says the specification
    ['linux', { XDG_CACHE_HOME: '' }, '/home/me/.cache/tsumugi'],
  ] as const)('lies on %s with %o in %s', (platform, env, folder) => {
    expect(cacheRoot(env, platform, '/home/me')).toBe(folder);
  });

  it('is found for who has no home: nowhere that the folder one happens to be in could lay code', () => {
    const none = () => {
      throw Object.assign(new Error('uv_os_homedir returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
    };
    expect([none, () => '', () => 'here/../there', () => '/home/me'].map((read) => userHome(read))).toEqual([
      '/',
      '/',
      '/',
      '/home/me',
    ]);
  });
});

describe('libtorch', () => {
  it('reads and compares versions', () => {
    expect(
      parseVersionHeader(
        '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 13\n#define TORCH_VERSION_PATCH 0\n',
      ),
    ).toBe('2.13.0');
    expect(parseVersionHeader('#pragma once\n')).toBeUndefined();
    expect(['1.8.0', '1.12.1', '1.13.0', '2.0.0', '3.0.0'].map(isSupported)).toEqual([false, false, true, true, true]);
  });

  it('takes a LIBTORCH by its word: no other is looked for', () => {
    const { libtorch, tried } = findLibtorch({ ...process.env, LIBTORCH: '/nowhere' });
    expect(libtorch).toBeUndefined();
    expect(tried).toEqual(['LIBTORCH: /nowhere does not exist']);
  });

  it('gives each place and level a build of its own', () => {
    const keys = [
      buildKey({ version: '2.6.0', libDir: '/a' }, 'x86-64-v3'),
      buildKey({ version: '2.6.0', libDir: '/b' }, 'x86-64-v3'),
      buildKey({ version: '2.6.0', libDir: '/a' }, 'x86-64-v4'),
      buildKey({ version: '2.6.1', libDir: '/a' }, 'x86-64-v3'),
    ];
    expect(new Set(keys).size).toBe(4);
  });

  it('tells the two kinds of strings apart', () => {
    const old = Buffer.from('\0_ZN3c106detail14torchCheckFailEPKcS2_jRKSs\0');
    const now = Buffer.from('\0_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char\0');
    expect([usesCxx11Strings(old), usesCxx11Strings(now)]).toEqual([false, true]);
  });
});

describe('compiler', () => {
  const gcc = '#define __GNUC__ 11\n#define __GNUC_MINOR__ 3\n#define __GNUC_PATCHLEVEL__ 0\n';

  it('must be new enough', () => {
    expect(describeCompiler(gcc)).toEqual({ name: 'GCC 11.3.0', problem: 'is GCC 11.3.0' });
    expect(describeCompiler(gcc.replace('11', '12'))).toEqual({ name: 'GCC 12.3.0' });
    // Clang says that it is GCC 4.2.1, too.
    const clang = '#define __clang_major__ 14\n#define __clang_minor__ 0\n#define __clang_patchlevel__ 6\n';
    expect(describeCompiler(`#define __GNUC__ 4\n${clang}`)).toEqual({ name: 'Clang 14.0.6' });
    expect(describeCompiler(clang.replace('14', '13')).problem).toBe('is Clang 13.0.6');
    expect(describeCompiler('').problem).toBe('is neither GCC nor Clang');
  });

  it('is the one that CXX names', () => {
    expect(findCompiler({ ...process.env, CXX: 'no-such-compiler' })).toBeUndefined();
    expect(findCompiler({ ...process.env, CXX: '' })?.name).toMatch(/^(GCC|Clang) \d+/);
  });
});

describe('environment', () => {
  it('is set only where the user has set nothing, and only what the libtorch reads', () => {
    const choice = { systemBlas: true, chosen: false, core: 'SkylakeX', limits: {} };
    expect(loadEnvironment({}, choice)).toEqual({ OPENBLAS_CORETYPE: 'SkylakeX', GOMP_SPINCOUNT: '3000' });
    expect(loadEnvironment({ OPENBLAS_CORETYPE: 'Zen', OMP_WAIT_POLICY: 'passive' }, choice)).toEqual({});
    const ranks = { OPENBLAS_CORETYPE: 'Zen', OMP_WAIT_POLICY: 'passive', WORLD_SIZE: '2' };
    expect(loadEnvironment(ranks, choice)).toEqual({ TORCH_CPP_LOG_LEVEL: 'ERROR' });
    expect(loadEnvironment({ ...ranks, TORCH_CPP_LOG_LEVEL: 'INFO' }, choice)).toEqual({});
    expect(loadEnvironment({ GOMP_SPINCOUNT: '7' }, { ...choice, systemBlas: false })).toEqual({});
  });

  it('follows TSUMUGI_CPU, whatever else is set', () => {
    const chosen = { systemBlas: true, chosen: true, core: 'Haswell', limits: { ATEN_CPU_CAPABILITY: 'avx2', B: 'b' } };
    const env = { GOMP_SPINCOUNT: '7', OPENBLAS_CORETYPE: 'SkylakeX', ATEN_CPU_CAPABILITY: 'avx2' };
    expect(loadEnvironment(env, chosen)).toEqual({ OPENBLAS_CORETYPE: 'Haswell', B: 'b' });
  });
});

describe('BLAS folders', () => {
  let root: string;
  const provide = (variant: string) => {
    mkdirSync(join(root, variant));
    writeFileSync(join(root, variant, 'libblas.so.3'), '');
  };
  const choose = (variant: string) => symlinkSync(join(root, variant, 'libblas.so.3'), join(root, 'libblas.so.3'));
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tsumugi-blas-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('prefers OpenMP, whatever variant the system has chosen', () => {
    provide('openblas-pthread');
    provide('openblas-openmp');
    choose('openblas-pthread');
    expect(openblasFolders(root)).toEqual([join(root, 'openblas-openmp'), join(root, 'openblas-pthread')]);
    expect(needsOpenblas(root)).toBe(false);
  });

  it('finds OpenBLAS beside a chosen reference BLAS, and misses it when there is none', () => {
    provide('blas');
    choose('blas');
    expect(openblasFolders(root)).toEqual([]);
    expect(needsOpenblas(root)).toBe(true);
    provide('openblas-openmp');
    expect(openblasFolders(root)).toEqual([join(root, 'openblas-openmp')]);
    expect(needsOpenblas(root)).toBe(false);
  });

  it('respects another BLAS that was chosen on purpose', () => {
    provide('openblas-openmp');
    provide('blis-openmp');
    choose('blis-openmp');
    expect(openblasFolders(root)).toEqual([]);
    expect(needsOpenblas(root)).toBe(false);
  });
});

describe('messages', () => {
  it('shows a failed build from its first error on', () => {
    const lines = ['[ 10%] Building CXX object', 'a.cc:3:1: error: expected ;', 'make: *** [all] Error 2'];
    expect(failureExcerpt(lines)).toBe('  a.cc:3:1: error: expected ;\n  make: *** [all] Error 2');
    expect(failureExcerpt(['one', 'two'])).toBe('  one\n  two');
  });

  it('reads what apt would install', () => {
    expect(parseCandidate('libtorch-dev:\n  Installed: (none)\n  Candidate: 1.13.1+dfsg-4\n  Version table:\n')).toBe(
      '1.13.1+dfsg-4',
    );
    expect(parseCandidate('libtorch-dev:\n  Installed: (none)\n  Candidate: (none)\n')).toBeUndefined();
    expect(parseCandidate('')).toBeUndefined();
  });

  it('follows apt-get from fetching to setting up', () => {
    const progress = aptProgress();
    expect(progress.follow('Reading package lists...')).toBeUndefined();
    expect(progress.follow('0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.')).toBe(0);
    const lines = ['Get:1 a', 'Get:2 b', 'Unpacking a ...', 'Unpacking b ...', 'Setting up a ...', 'Setting up b ...'];
    expect(lines.map((line) => progress.follow(line))).toEqual([16, 33, 50, 66, 83, 100]);
  });

  it('tells a person the whole command', () => {
    expect(instructions(['libtorch-dev', 'g++'])).toMatch(/install.*g\+\+|g\+\+.*install|pip install torch/);
  });
});
