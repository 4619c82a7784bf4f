// The packages, packed and installed outside the repository: what is in them, their types, their commands.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe as describeAddon } from '@tsumugi/native';
import { afterAll, describe, expect, it } from 'vitest';
import { pageFiles } from '../packages/tsumugi/src/serve/page/page-file.ts';
import { golden } from './files.ts';
import { PackedApp, root } from './packed-app.testing.ts';
import { requires } from './requires.testing.ts';

const app = new PackedApp();
const unreachable = await app.install();
const installed = requires(unreachable === undefined, unreachable ?? '');
if (unreachable === undefined) app.lendAddon();
afterAll(() => app[Symbol.dispose](), 120_000); // thousands of files

const manifest = JSON.parse(readFileSync(`${root}packages/tsumugi/package.json`, 'utf8')) as {
  exports: Record<string, string>;
};
const subpaths = Object.keys(manifest.exports).map((path) => path.replace(/^\./, 'tsumugi'));
const packed = (name: string) => app.packages.find((each) => each.name === name)!;
const pathsOf = (name: string) =>
  packed(name)
    .files.map(({ path }) => path)
    .sort();
const checkout = (...args: string[]) =>
  spawnSync(process.execPath, [`${root}packages/tsumugi/bin/tsumugi.js`, ...args], { encoding: 'utf8', cwd: app.home });

it('has a subpath for each folder that has an index', () => {
  const src = `${root}packages/tsumugi/src`;
  const indices = globSync(['index.ts', '*/index.ts'], { cwd: src }).map((name) => `./src/${name}`);
  expect(Object.values(manifest.exports).sort()).toEqual(indices.sort());
  expect(subpaths).toContain('tsumugi');
});

describe('a tarball', () => {
  it('of the addon holds its sources and what builds them', () => {
    const parts = [
      /^src\/(kernels\/|mesh\/|gloo\/(\w+\/)?|nccl\/(stand-ins\/(crt\/)?)?)?\w+\.(cc|h)$/,
      /^lib\/[\w-]+\.(js|d\.ts)$/,
    ];
    const paths = pathsOf('@tsumugi/native');
    const others = paths.filter((path) => !parts.some((part) => part.test(path)));
    expect(others).toEqual(['CMakeLists.txt', 'LICENSE', 'index.d.ts', 'index.js', 'package.json']);
    for (const [part, least] of [30, 10].entries())
      expect(paths.filter((path) => parts[part]!.test(path)).length).toBeGreaterThanOrEqual(least);
  });

  it('of tsumugi holds modules with their types, the novels and the recipes', () => {
    const paths = pathsOf('tsumugi');
    const page = pageFiles().map((name) => `src/serve/page/files/${name}`);
    const mujoco = 'src/rl/environments/mujoco/models';
    const models = readdirSync(`${root}packages/tsumugi/${mujoco}`).map((name) => `${mujoco}/${name}`);
    expect(models).toContain(`${mujoco}/LICENSE`);
    const other = ['nes/efp/LICENSE', 'nes/efp/efp.nes', 'python/bridge.py'].map(
      (name) => `src/rl/environments/${name}`,
    );
    const data = [...page, ...models, ...other].sort();
    const modules = paths.filter((path) => /^(bin|src)\//.test(path) && !data.includes(path));
    expect(paths.filter((path) => data.includes(path))).toEqual(data);
    expect(paths.filter((path) => !modules.includes(path) && !data.includes(path))).toEqual([
      'LICENSE',
      'README.md',
      ...['README.md', 'bocchan.txt', 'wagahai-wa-neko-de-aru.txt'].map((name) => `data/${name}`),
      'package.json',
      'recipes/finetune.js',
      'recipes/iterative-dpo.js',
      'recipes/plamo2-1b.js',
      'recipes/plamo2-mini.js',
      'recipes/translate-ja.js',
      ...['compare', 'corpus', 'packages', 'rows', 'sentences', 'split'].map(
        (name) => `recipes/translation/${name}.js`,
      ),
    ]);
    const names = [...new Set(modules.map((path) => path.replace(/\.(d\.ts|js)$/, '')))];
    expect(modules).toEqual(names.flatMap((name) => [`${name}.d.ts`, `${name}.js`]).sort());
    // Each comes from a module of the checkout, and none from what tests use.
    const isThere = (name: string) => ['ts', 'js'].some((end) => existsSync(`${root}packages/tsumugi/${name}.${end}`));
    expect(names.filter((name) => !isThere(name))).toEqual([]);
    const ofTests = /\.(test|testing)$|fixtures\/|golden\//;
    expect(names.filter((name) => ofTests.test(name))).toEqual([]);
    // No folder is forgotten, nor a file that is only found at run time.
    for (const name of [...Object.values(manifest.exports), './src/cli/main.ts', ...threadFiles()])
      expect(names).toContain(name.slice(2, -3));
  });

  it('stays small', () => {
    for (const { filename, size, unpackedSize, files } of app.packages) {
      console.log(`${filename}: ${files.length} files, ${size} bytes, unpacked ${unpackedSize}`);
      expect(size).toBeLessThan(2.5e6);
    }
  });

  it('is not made from the folder of the sources, which says what to run', () => {
    const npmPack = (...flags: string[]) =>
      spawnSync('npm', ['pack', '--dry-run', '--json', ...flags], {
        cwd: `${root}packages/tsumugi`,
        encoding: 'utf8',
      });
    const refused = npmPack();
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('→ run npm run pack at the root of the repository');
    expect(npmPack('--ignore-scripts').stdout).not.toMatch(/\.ts"/);
  });

  it('has the licence', () => {
    const licence = readFileSync(`${root}LICENSE`, 'utf8');
    expect(readFileSync(`${root}packages/native/LICENSE`, 'utf8')).toBe(licence);
  });
});

/** The files of threads: nothing needs to import them, and tsc follows imports alone. */
function threadFiles(): string[] {
  const folder = `${root}packages/tsumugi`;
  const modules = globSync('src/**/*.ts', { cwd: folder }).filter((path) => !/\.test(ing)?\.ts$/.test(path));
  const found = modules.flatMap((path) => {
    const started = readFileSync(`${folder}/${path}`, 'utf8').matchAll(
      /moduleBeside\('(\.[^']*)', import\.meta\.url\)/g,
    );
    return [...started].map(([, name]) => `./${posix.join(dirname(path), name!)}.ts`);
  });
  expect(found).toContain('./src/text/parquet-thread.ts');
  return found;
}

describe('types', installed, () => {
  const consumer = `import { AdamW, loadModel, tensor, type Tensor } from 'tsumugi';
import { generateIds } from 'tsumugi/lm';
${subpaths.map((path, i) => `import * as m${i} from '${path}';`).join('\n')}
export const all = [${subpaths.map((_, i) => `m${i}`).join(', ')}];
const sum: Tensor = tensor([1, 2, 3]).sum();
export const ids: number[] = [...generateIds(loadModel('folder'), [1], { maxTokens: 2 })];
// @ts-expect-error: a tensor is no number
export const wrong: number = sum;
// @ts-expect-error: there is no such option
new AdamW([], { momentumm: 1 });
`;
  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('are found and right with module %s, moduleResolution %s', (module, moduleResolution) => {
    app.write('consumer.ts', consumer);
    const types = { types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] };
    const strict = { strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true, noEmit: true };
    const compilerOptions = { ...types, ...strict, target: 'esnext', module, moduleResolution };
    app.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    expect(app.node([tsc, '-p', 'tsconfig.json'])).toMatchObject({ status: 0, stdout: '' });
  });
});

describe('without an addon', installed, () => {
  const bare = { cache: 'empty' };
  const lines = ['--version', '--help', 'setup --help', 'run --list', 'eval --list'];
  it.each(lines)('%s says what the checkout says', (line) => {
    const args = line.split(' ');
    const here = app.tsumugi(args, bare);
    expect(here).toMatchObject({ status: 0, stderr: '' });
    const withoutPaths = (text: string) => text.replaceAll(/ — \S+\/recipes\/\S+$/gm, '');
    expect(withoutPaths(here.stdout)).toBe(withoutPaths(checkout(...args).stdout));
    expect(here.stdout).not.toBe('');
  });

  it('is a command of the folder it is installed in', () => {
    const { stdout } = spawnSync('npx', ['--no', '--', 'tsumugi', '--version'], { cwd: app.folder, encoding: 'utf8' });
    expect(stdout).toBe(checkout('--version').stdout);
  });

  it('encodes', () => {
    const [first] = readFileSync(golden('tokenizer/cases.jsonl'), 'utf8').split('\n', 1);
    const { text, ids } = JSON.parse(first!) as { text: string; ids: number[] };
    const args = ['tokenizer', 'encode', '--tokenizer', golden('tokenizer')];
    const { stdout } = app.tsumugi(args, { ...bare, input: `${JSON.stringify({ text })}\n` });
    expect(JSON.parse(stdout)).toEqual({ ids });
  });

  it('says in one sentence how it is made', () => {
    const { status, stderr } = app.tsumugi(['score', '--model', golden('plamo2/samba')], bare);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^error: the native addon is not built for this machine: .*\n {2}→ run `(?:TSUMUGI_CPU=\S+ )?npx tsumugi setup` .*\n$/,
    );
    const doctor = app.tsumugi(['doctor'], bare);
    expect([doctor.status, doctor.stdout]).toEqual([1, expect.stringContaining('npx tsumugi setup')]);
  });
});

describe('with its addon', installed, () => {
  it('is set up at once when it is in the cache', () => {
    const { status, stderr, stdout } = app.tsumugi(['setup', '--json']);
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^(setup: looking for libtorch …\n)?setup: ready \(.*\)\n$/),
    ]);
    expect(JSON.parse(stdout).addon).toContain(join(app.home, 'cache', 'tsumugi', 'native'));
  });

  it.each([
    [{ LIBTORCH: '/nowhere' }, 'error: LIBTORCH: /nowhere does not exist\n  → let LIBTORCH name a libtorch '],
    [{ TSUMUGI_CPU: 'avx2' }, 'error: TSUMUGI_CPU should be a CPU level '],
    [{ XDG_CACHE_HOME: '/dev/null/x' }, 'cannot be written to (ENOTDIR)\n  → let XDG_CACHE_HOME name a folder '],
    [{ XDG_CACHE_HOME: '/proc/self/x' }, '/proc/self/x/tsumugi/native, cannot be written to ('],
  ])('is not set up with %o, and says why', (env, sentence) => {
    const { status, stderr } = app.tsumugi(['setup'], { env });
    expect([status, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });

  it('is ready where somebody else has set it up, and this user can only read it', () => {
    const { libDir } = describeAddon().libtorch!;
    const native = join(app.home, 'cache', 'tsumugi', 'native');
    chmodSync(app.home, 0o755);
    chmodSync(native, 0o555);
    // Root may write anywhere.
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const env = { ...process.env, XDG_CACHE_HOME: join(app.home, 'cache'), LIBTORCH: libDir };
    const command = join(app.folder, 'node_modules', 'tsumugi', 'bin', 'tsumugi.js');
    const setup = () =>
      spawnSync(process.execPath, [command, 'setup', '--search'], { encoding: 'utf8', env, ...nobody });
    try {
      const { status, stderr } = setup();
      expect([status, stderr]).toEqual([0, expect.stringMatching(/setup: ready \(.*\)\n$/)]);
    } finally {
      chmodSync(native, 0o755);
    }
  });

  it('runs the example of the README', () => {
    const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(`${root}README.md`, 'utf8'))!;
    const { stdout, stderr } = app.node([app.write('example.ts', example!)]);
    expect(stderr).toBe('');
    expect(stdout).toContain('after 5, 6, 7 come 8, 9, 10, 11, 12, 13, 14, 15');
  });

  it('scores as the reference does', () => {
    const { loss } = JSON.parse(readFileSync(golden('plamo2/samba/expected.json'), 'utf8')) as { loss: number };
    const program = `import { openSafetensors } from 'tsumugi/store';
      using file = openSafetensors(${JSON.stringify(golden('plamo2/samba/expected.safetensors'))});
      console.log(JSON.stringify({ ids: file.tensor('ids').tolist() }));`;
    const { stdout: input } = app.node(['--input-type=module', '-e', program]);
    const { stdout } = app.tsumugi(['score', '--model', golden('plamo2/samba')], { input });
    const { logprobs } = JSON.parse(stdout) as { logprobs: number[] };
    expect(-logprobs.reduce((sum, value) => sum + value) / logprobs.length).toBeCloseTo(loss, 5);
  });

  it('reads Parquet in a thread, knows its own recipe, and plans it', () => {
    const file = `${root}packages/tsumugi/src/text/fixtures/zstd.parquet`;
    const program = `import { readDocuments } from 'tsumugi/text';
      for await (const { text } of readDocuments([${JSON.stringify(file)}], { field: 'content' })) console.log(text);`;
    const { stdout, stderr } = app.node(['--input-type=module', '-e', program]);
    expect(stderr).toBe('');
    expect(stdout).toContain('𠮷野家で🍣を食べた。\n');
    const plan = app.tsumugi(['run', 'plamo2-mini', '--plan', '--out', join(app.home, 'run')]);
    expect(plan).toMatchObject({ status: 0, stderr: expect.stringContaining('pretrain') });
  });

  it('says which packages a benchmark lacks that are optional', () => {
    const program = `import { findTasks } from 'tsumugi/eval';
      const [task] = await findTasks(['m-ifeval-ja']);
      await task.run({ file: () => '/nowhere' }).catch(({ code, remedy }) => console.log(code, remedy));`;
    const { stdout } = app.node(['--input-type=module', '-e', program]);
    expect(stdout).toBe('no-m-ifeval-packages npm install lindera-wasm-nodejs-ipadic@2.0.0 eld@2.1.0\n');
  });

  it('says which package an environment lacks that is optional', () => {
    const program = `import { makeEnvironment } from 'tsumugi/rl';
      await makeEnvironment('Hopper-v5').catch(({ code, remedy }) => console.log(code, remedy));`;
    const { stdout } = app.node(['--input-type=module', '-e', program]);
    expect(stdout).toBe('no-mujoco npm install @mujoco/mujoco@3.14.0\n');
  });

  it('is required from CommonJS, too', () => {
    const { stdout, stderr } = app.node([
      app.write('old.cjs', "console.log(require('tsumugi').ones(2, 3).sum().item());"),
    ]);
    expect([stdout, stderr]).toEqual(['6\n', '']);
  });

  it('exports the same from the root under both names', () => {
    const program = `import * as all from 'tsumugi'; import { Linear } from 'tsumugi/nn';
      console.log(all.Linear === Linear, Object.values(all).every((value) => value !== undefined));`;
    expect(app.node(['--input-type=module', '-e', program]).stdout).toBe('true true\n');
  });
});
