// The loader's explanations, on a copy of the package that has no build, in processes of their own.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../../../tests/requires.testing.ts';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'tsumugi-loader-'));
  for (const part of ['index.js', 'package.json', 'lib']) {
    cpSync(join(packageRoot, part), join(copy, part), { recursive: true });
  }
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Runs code with the copy's exports in scope; what it prints comes back. */
function inCopy(code: string, env: NodeJS.ProcessEnv = {}, at = copy): string {
  const script = `import { describe, load } from ${JSON.stringify(join(at, 'index.js'))};\n${code}`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, LIBTORCH: '', ...env },
  });
}

const tryLoad = `try { load(); console.log('{}'); } catch (error) {
  console.log(JSON.stringify({ name: error.name, code: error.code, remedy: error.remedy, message: error.message }));
}`;

/** A folder that looks like a libtorch to the finder: empty libraries, and a header with a version. */
function fakeLibtorch(name: string, version: string | undefined): string {
  const folder = join(copy, name);
  mkdirSync(join(folder, 'lib'), { recursive: true });
  writeFileSync(join(folder, 'lib', process.platform === 'darwin' ? 'libtorch_cpu.dylib' : 'libtorch_cpu.so'), '');
  if (version === undefined) return folder;
  const [major, minor, patch] = version.split('.');
  const header = `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`;
  const api = join(folder, 'include', 'torch', 'csrc', 'api', 'include', 'torch');
  mkdirSync(api, { recursive: true });
  mkdirSync(join(folder, 'include', 'ATen'), { recursive: true });
  writeFileSync(join(api, 'version.h'), header);
  writeFileSync(join(folder, 'include', 'ATen', 'ATen.h'), '');
  return folder;
}

describe('load, with nothing built', () => {
  it('throws one error that says what was tried and what to run', () => {
    const error = JSON.parse(inCopy(tryLoad));
    expect(error.name).toBe('NativeLoadError');
    expect(error.code).toBe('native-not-built');
    expect(error.remedy).toContain('npm run setup');
    // Which of the two it says depends on the machine.
    expect(error.message).toMatch(/: libtorch [\d.]+ \(\/.*\) has no addon yet\n|python: python3 has no torch; /);
    expect(error.message).toContain(error.remedy);
  });

  it('names the build that LIBTORCH asks for', () => {
    const error = JSON.parse(inCopy(tryLoad, { LIBTORCH: fakeLibtorch('torch', '2.5.1') }));
    expect(error.code).toBe('native-not-built');
    expect(error.message).toMatch(/no addon at .*torch-2\.5\.1-[0-9a-f]{8}-\S+\/tsumugi\.node/);
    expect(error.remedy).toContain('npm run setup');
  });

  it.each([
    ['a folder that is not there', () => '/nowhere/libtorch', '/nowhere/libtorch does not exist'],
    ['a folder without a libtorch', () => join(copy, 'lib'), 'holds no lib/libtorch_cpu'],
    ['libraries without headers', () => fakeLibtorch('bare', undefined), 'headers (ATen/ATen.h) are missing'],
    ['a libtorch that is too old', () => fakeLibtorch('old', '1.8.0'), 'is libtorch 1.8.0; 1.13 or newer is needed'],
  ])('explains LIBTORCH naming %s', (_, folder, reason) => {
    const error = JSON.parse(inCopy(tryLoad, { LIBTORCH: folder() }));
    expect(error.code).toBe('native-not-built');
    expect(error.message).toContain(reason);
    expect(error.remedy).toContain('LIBTORCH');
  });

  it('passes on why a broken addon cannot be loaded', () => {
    const LIBTORCH = fakeLibtorch('broken', '2.5.1');
    const missing = JSON.parse(inCopy(tryLoad, { LIBTORCH })).message as string;
    const addon = /no addon at (\S+)/.exec(missing)![1]!;
    mkdirSync(join(addon, '..'), { recursive: true });
    writeFileSync(addon, 'not a library');
    const key = addon.split('/').at(-2);
    writeFileSync(join(addon, '..', 'build.json'), JSON.stringify({ key, blas: 'bundled', libtorch: {} }));
    const error = JSON.parse(inCopy(tryLoad, { LIBTORCH }));
    rmSync(join(addon, '..'), { recursive: true });
    expect(error.code).toBe('native-load-failed');
    expect(error.message).toContain(addon);
    expect(error.message).toMatch(/invalid ELF header|file too short|not a mach-o/i);
    expect(error.remedy).toContain('npm run setup');
  });
});

describe('installed by npm', () => {
  let installed: string;
  beforeAll(() => {
    installed = join(copy, 'node_modules', '@tsumugi', 'native');
    for (const part of ['index.js', 'package.json', 'lib', 'src', 'CMakeLists.txt'])
      cpSync(join(packageRoot, part), join(installed, part), { recursive: true });
  });

  // A level that was asked for would be part of what to run.
  const noLevel = { TSUMUGI_CPU: '' };
  const addonOf = (env: NodeJS.ProcessEnv) => {
    const error = JSON.parse(inCopy(tryLoad, { XDG_CACHE_HOME: join(copy, 'cache'), ...noLevel, ...env }, installed));
    expect(error.code).toBe('native-not-built');
    expect(error.remedy).toMatch(/^run `npx tsumugi setup` /);
    return /no addon at (\S+)/.exec(error.message)?.[1];
  };

  it('says in one sentence what makes the addon', () => {
    const error = JSON.parse(inCopy(tryLoad, { XDG_CACHE_HOME: join(copy, 'cache'), PATH: '', ...noLevel }, installed));
    expect(error.message).toMatch(
      /^the native addon is not built for this machine: [^\n]+\n {2}→ run `npx tsumugi setup` /,
    );
  });

  it('keeps addons in the user’s cache, by libtorch, ABI, CPU level and sources', () => {
    const LIBTORCH = fakeLibtorch('cached', '2.5.1');
    const key = /^torch-2\.5\.1-[0-9a-f]{8}-(x86-64(-v[234])?|aarch64)-cxx11-[0-9a-f]{12}$/;
    const first = addonOf({ LIBTORCH })!;
    expect(first.startsWith(join(copy, 'cache', 'tsumugi', 'native'))).toBe(true);
    expect(first.split('/').at(-2)).toMatch(key);
    expect(addonOf({ LIBTORCH })).toBe(first);
    writeFileSync(join(LIBTORCH, 'lib', 'libc10.so'), '…torchCheckFailEPKcS2_jRKSs…');
    expect(addonOf({ LIBTORCH })).toBe(first.replace('-cxx11-', '-cxx98-'));
    rmSync(join(LIBTORCH, 'lib', 'libc10.so'));
    writeFileSync(join(installed, 'src', 'new.cc'), '');
    const other = addonOf({ LIBTORCH })!;
    expect(other.split('-cxx11-')[0]).toBe(first.split('-cxx11-')[0]);
    expect(other).not.toBe(first);
    rmSync(join(installed, 'src', 'new.cc'));
    expect(addonOf({ LIBTORCH })).toBe(first);
  });
});

describe('describe', () => {
  it('says what is missing, loads nothing and leaves the environment alone', () => {
    const code = `const before = JSON.stringify(process.env);
      const found = describe();
      console.log(JSON.stringify({ found, same: before === JSON.stringify(process.env) }));`;
    const { found, same } = JSON.parse(inCopy(code));
    expect(found.addon).toBeUndefined();
    expect(found.failures.length).toBeGreaterThan(0);
    expect(found.cpuLevel.highest).toMatch(/^(x86-64(-v[234])?|aarch64)$/);
    expect(same).toBe(true);
  });
});

describe('the built addon', () => {
  const linux = requires(process.platform === 'linux', 'reads /proc/self/maps, which Linux has');
  it('shares one OpenMP library and one BLAS with libtorch', linux, () => {
    const script = `import { load } from ${JSON.stringify(join(packageRoot, 'index.js'))};
      import { readFileSync } from 'node:fs';
      load().measureFma(1);
      const files = readFileSync('/proc/self/maps', 'utf8').match(/\\/\\S*(?:gomp|openblas)\\S*\\.so\\S*/g) ?? [];
      console.log(JSON.stringify([...new Set(files)]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const files = JSON.parse(stdout) as string[];
    expect(files.filter((file) => /\/libgomp/.test(file))).toHaveLength(1);
    expect(files.filter((file) => /\/libopenblas/.test(file)).length).toBeLessThanOrEqual(1);
  });

  it('asks OpenBLAS for the core that suits the CPU before it is loaded', () => {
    const script = (after: string) => `import { describe, load } from ${JSON.stringify(join(packageRoot, 'index.js'))};
      const { blas, coreType } = describe(); const native = load();
      console.log(JSON.stringify({ blas, coreType, core: native.blasCore(), ${after} }));`;
    const run = (env: NodeJS.ProcessEnv) => {
      const clean: NodeJS.ProcessEnv = { ...process.env };
      delete clean['OPENBLAS_CORETYPE'];
      const args = ['--input-type=module', '-e', script('set: process.env.OPENBLAS_CORETYPE')];
      return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...clean, ...env } }));
    };
    const chosen = run({});
    const named = run({ OPENBLAS_CORETYPE: 'Nehalem' });
    // A libtorch that carries its own BLAS (MKL) has no core to choose; a CPU without AVX2 leaves the choice to OpenBLAS.
    if (chosen.blas === 'bundled') expect([chosen.core, named.core]).toEqual(['', '']);
    else
      expect([chosen.core, named.core]).toEqual([
        chosen.coreType ?? chosen.core,
        process.env['TSUMUGI_CPU'] ? chosen.core : 'Nehalem',
      ]);
  });
});
