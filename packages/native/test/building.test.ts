// When the set-up builds, and what it goes on from: on a copy of the package, with a libtorch, a compiler, a CMake and a Python
// that are made up.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requires } from '../../../tests/requires.testing.ts';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-building-'));
  for (const part of ['package.json', 'lib', 'CMakeLists.txt'])
    cpSync(join(packageRoot, part), at('native', part), { recursive: true });
  write('', 'native', 'src', 'a.cc');
  write('{}', 'native', 'node_modules', 'node-api-headers', 'package.json');
  for (const tool of ['cmake', 'make']) writeTool(cmake, 'bin', tool);
  for (const name of ['c++', 'other-c++']) writeTool(compiler, 'bin', name);
  for (const bin of ['bin', 'bin2']) writeTool(python, bin, 'python3');
  write('', ...torch, 'lib', 'libtorch_cpu.so');
  write('', ...torch, 'lib', 'libc10.so');
  write('', ...torch, 'include', 'ATen', 'ATen.h');
  const version = ['MAJOR 2', 'MINOR 5', 'PATCH 1'].map((part) => `#define TORCH_VERSION_${part}\n`).join('');
  write(version, ...torch, 'include', 'torch', 'csrc', 'api', 'include', 'torch', 'version.h');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const at = (...parts: string[]) => join(home, ...parts);
const torch = ['site', 'torch'];
function write(text: string, ...parts: string[]): void {
  mkdirSync(dirname(at(...parts)), { recursive: true });
  writeFileSync(at(...parts), text);
}
function writeTool(code: string, ...parts: string[]): void {
  write(`#!/bin/sh\n${code}\n`, ...parts);
  chmodSync(at(...parts), 0o755);
}

/** Notes its arguments, leaves what the build looks for, and "compiles": an x more in the object file for each time. */
const cmake = `[ "$1" = --version ] && exit 0
echo "$*" >> "$CALLS"
if [ "$1" = --build ]; then
  printf x >> "$2/object.o"
  [ "$FAULT" = killed ] && kill -9 $$
  [ "$FAULT" = nccl ] && /usr/bin/grep '^-S' "$CALLS" | /usr/bin/tail -1 | /usr/bin/grep -q 'NCCL_INCLUDE=/' && printf 'nccl.h:1: error: another version\\n' && exit 2
  [ "$FAULT" = error ] && printf 'compiling a.cc\\na.cc:1: error: no such thing\\n' && exit 2
  /bin/cp "$2/object.o" "$2/tsumugi.node"
else
  for each; do case "$each" in -DCOMPILER=*) compiler=\${each#-DCOMPILER=} ;; esac; done
  printf '%s\\n' "CMAKE_CACHEFILE_DIR:INTERNAL=$4" "CMAKE_HOME_DIRECTORY:INTERNAL=\${2%/}" "CMAKE_GENERATOR:INTERNAL=$6" \\
    "COMPILER:UNINITIALIZED=$compiler" > "$4/CMakeCache.txt"
fi`;
const compiler = `printf '#define %s\\n' '__GNUC__ 13' '__GNUC_MINOR__ 1' '__GNUC_PATCHLEVEL__ 0'`;
const python = 'echo python >> "$CALLS"; echo "$TORCH/__init__.py"';

interface SetUpResult {
  said: string[];
  addon?: string;
  error?: { code: string; message: string };
  /** Whether somebody still holds the lock when it is over. */
  locked: boolean;
}

/** Sets up in a process of its own. */
function setUp(env: NodeJS.ProcessEnv = {}, options = {}): Promise<SetUpResult> {
  const code = `import { existsSync } from 'node:fs';
    import { setUp } from ${JSON.stringify(at('native', 'lib', 'setup.js'))};
    const said = [];
    const output = { write: (text) => said.push(text) };
    const locked = () => existsSync(${JSON.stringify(at('native', 'build', 'setup.lock'))});
    try {
      const { addon } = await setUp({ output, ...${JSON.stringify(options)} });
      console.log(JSON.stringify({ said, addon, locked: locked() }));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ said, error: { code, message }, locked: locked() }));
    }`;
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CXX|CXXFLAGS|TSUMUGI_CPU|LIBTORCH)$/.test(name)),
  );
  const own = { PATH: at('bin'), CALLS: at('calls'), TORCH: at(...torch), LIBTORCH: at(...torch) };
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code], {
    env: { ...clean, ...own, ...env },
  });
  let text = '';
  child.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  return new Promise((done) => child.on('close', () => done(JSON.parse(text))));
}

const calls = (): string[] => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trimEnd().split('\n') : []);
const builds = () => calls().filter((call) => call.startsWith('--build')).length;
const content = ({ addon }: SetUpResult) => readFileSync(addon!, 'utf8');
const linux = requires(process.platform === 'linux', 'libraries are named as on Linux');

describe('the addon is built', linux, () => {
  it('once, and is ready from then on', async () => {
    const first = await setUp();
    expect(first.said.join('')).toMatch(/setup: addon built for libtorch 2\.5\.1 .*\n.*setup: ready/s);
    expect([content(first), first.locked, builds()]).toEqual(['x', false, 1]);
    const second = await setUp();
    expect(second.said.map((text) => text.replace(/ \(.*/s, ''))).toEqual(['setup: ready']);
    expect([second.addon, builds()]).toEqual([first.addon, 1]);
  });

  it('once, where two ask at the same time', async () => {
    const both = await Promise.all([setUp(), setUp()]);
    expect(both.map(({ error }) => error)).toEqual([undefined, undefined]);
    expect([both[0]!.addon, builds()]).toEqual([both[1]!.addon, 1]);
  });

  it.each<[string, (addon: string) => void]>([
    ['a source is another', () => appendFileSync(at('native', 'src', 'a.cc'), '// more')],
    ['a source is added', () => write('', 'native', 'src', 'kernels', 'b.cc')],
    ['the libtorch is another file', () => utimesSync(at(...torch, 'lib', 'libtorch_cpu.so'), 1000, 1000)],
    ['the addon is gone', (addon) => rmSync(addon)],
    ['its record is gone', (addon) => rmSync(join(dirname(addon), 'build.json'))],
  ])('again when %s, from the object files that are there', async (_, change) => {
    change((await setUp()).addon!);
    expect(content(await setUp())).toBe('xx');
  });

  it.each([
    ['another compiler', { CXX: 'other-c++' }],
    ['other flags', { CXXFLAGS: '-O1' }],
  ])('from nothing with %s', async (_, env) => {
    await setUp();
    appendFileSync(at('native', 'src', 'a.cc'), '// more');
    expect(content(await setUp(env))).toBe('x');
  });

  it('from nothing after one that was killed, and on from one that failed', async () => {
    const failed = await setUp({ FAULT: 'error' });
    expect(failed).toMatchObject({ locked: false, error: { code: 'native-build-failed' } });
    expect(failed.error!.message).toMatch(/failed:\n {2}a\.cc:1: error: no such thing$/);
    expect(content(await setUp())).toBe('xx');
    appendFileSync(at('native', 'src', 'a.cc'), '// more');
    expect(await setUp({ FAULT: 'killed' })).toMatchObject({ error: { code: 'native-build-failed' } });
    expect(content(await setUp())).toBe('x');
  });

  it('for the C++ that the libtorch needs, 17 at least', async () => {
    const stated = async (standard: string) => {
      write(`set(CXX_STANDARD ${standard})`, ...torch, 'share', 'cmake', 'Torch', 'TorchConfig.cmake');
      appendFileSync(at('native', 'src', 'a.cc'), `// ${standard}`);
      await setUp();
      return /-DCMAKE_CXX_STANDARD=(\d+)/.exec(calls().findLast((call) => call.startsWith('-S'))!)![1];
    };
    expect([await stated('14'), await stated('20')]).toEqual(['17', '20']);
  });

  it('with NCCL, where the libtorch has it and its headers are beside it; a record says why not', async () => {
    const headers = () =>
      /-DNCCL_INCLUDE=(\S*)/.exec(calls().findLast((call) => call.startsWith('-S'))!)![1]!.split(';');
    const record = ({ addon }: SetUpResult) => JSON.parse(readFileSync(join(dirname(addon!), 'build.json'), 'utf8'));
    writeTool("case $2 in *libtorch_cuda.so) echo '(NEEDED) Shared library: [libnccl.so.2]' ;; esac", 'bin', 'readelf');
    expect([record(await setUp()).withoutNccl, headers()]).toEqual([undefined, ['']]);
    write('', ...torch, 'lib', 'libtorch_cuda.so');
    expect([record(await setUp()).withoutNccl, headers()]).toEqual([
      `no nccl.h (nvidia-nccl), no cuda_runtime.h (nvidia-cuda-runtime) in ${at('site', 'nvidia')}`,
      [''],
    ]);
    const [nccl, runtime] = [at('site', 'nvidia', 'nccl', 'include'), at('site', 'nvidia', 'cu13', 'include')];
    write('', 'site', 'nvidia', 'nccl', 'include', 'nccl.h');
    write('', 'site', 'nvidia', 'cu13', 'include', 'cuda_runtime.h');
    const broken = record(await setUp({ FAULT: 'nccl' }));
    expect(broken.withoutNccl).toMatch(/^it did not compile \(.*\.log\)$/);
    expect(readFileSync(/\((.*)\)/.exec(broken.withoutNccl)![1]!, 'utf8')).toContain('another version');
    expect(headers()).toEqual(['']);
    appendFileSync(at('native', 'src', 'a.cc'), '// mended');
    expect([record(await setUp()).withoutNccl, headers()]).toEqual([undefined, [nccl, runtime]]);
  });
});

describe('the libtorch', linux, () => {
  const asked = () => calls().filter((call) => call === 'python').length;

  it('is remembered, until another Python comes first or a search is wanted', async () => {
    const env = { LIBTORCH: '' };
    await setUp(env);
    expect(asked()).toBe(1);
    await setUp(env);
    expect(asked()).toBe(1);
    await setUp(env, { search: true });
    expect(asked()).toBe(2);
    await setUp({ ...env, PATH: `${at('bin2')}:${at('bin')}` });
    expect([asked(), builds()]).toEqual([3, 1]);
  });

  it('of the newest addon is loaded, where none is remembered', async () => {
    for (const [key, seconds] of Object.entries({ b: 2000, c: 3000, a: 1000 })) {
      write(JSON.stringify({ key }), 'native', 'build', key, 'build.json');
      write('', 'native', 'build', key, 'tsumugi.node');
      utimesSync(at('native', 'build', key, 'tsumugi.node'), seconds, seconds);
    }
    const { listBuilds } = await import(at('native', 'lib', 'builds.js'));
    expect(listBuilds().map(({ key }: { key: string }) => key)).toEqual(['c', 'b', 'a']);
  });

  it('that LIBTORCH names is not remembered', async () => {
    await setUp();
    expect([asked(), existsSync(at('native', 'build', 'default.json'))]).toEqual([0, false]);
  });
});
