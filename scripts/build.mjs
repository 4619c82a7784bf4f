// Makes the npm package of packages/tsumugi: `npm run build` writes it to packages/tsumugi/dist. The folder repeats packages/tsumugi
// file by file, with JavaScript and declarations in place of TypeScript, and holds what the modules read besides.
// What goes in follows from the workspace's `exports`: whatever they, the command and the tasks import, and nothing that only
// tests use. See docs/architecture.md.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const workspace = join(root, 'packages', 'tsumugi');
/** @type {(name: string) => any} */
const readJson = (name) => JSON.parse(readFileSync(name, 'utf8'));
const manifest = readJson(join(workspace, 'package.json'));

/**
 * Compiles the modules that a user can reach.
 * @param {string} folder
 * @param {boolean} check
 */
async function compile(folder, check) {
  // Tasks are found by looking into folders, so nothing imports them.
  const { taskFiles } = await import('../packages/tsumugi/src/eval/registry.ts');
  const entries = [...Object.values(manifest.exports), ...Object.values(manifest.bin)];
  const files = [...entries.map((/** @type {string} */ name) => join(workspace, name)), ...taskFiles()];
  declare(folder, files, check);
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => name.slice(0, -'.d.ts'.length));
  for (const name of sources) {
    const script = existsSync(join(workspace, `${name}.ts`)) ? `${name}.ts` : `${name}.js`;
    writeFileSync(join(folder, `${name}.js`), javaScript(readFileSync(join(workspace, script), 'utf8')));
  }
  for (const name of Object.values(manifest.bin)) chmodSync(join(folder, /** @type {string} */ (name)), 0o755);
}

/**
 * Types become blanks, so that everything stands at the line and column where it stands in the source, and no map is needed.
 * @param {string} script
 */
const javaScript = (script) =>
  stripTypeScriptTypes(script)
    .replaceAll(/(?<=(?:from|import) '\.[^'\n]*|import\('\.[^'\n]*)\.ts(?=')/g, '.js')
    .replaceAll(/[ \t]+$/gm, '');

/**
 * Writes the declarations of these modules and of all that they import.
 * @param {string} folder
 * @param {string[]} files
 * @param {boolean} check
 */
function declare(folder, files, check) {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      noCheck: !check,
      rootDir: workspace,
      outDir: folder,
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    include: [],
    files,
  };
  const file = join(folder, 'tsconfig.json');
  writeFileSync(file, JSON.stringify(config));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', file], { stdio: 'inherit' });
  if (status !== 0) throw new Error('tsc found errors, see above');
  rmSync(file);
}

/** The commit, with "+" when something is changed; undefined outside a repository. */
function commit() {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+');
  } catch {
    return undefined;
  }
}

/** package.json of the package: the workspace's, without what only the checkout needs. */
function packageJson() {
  const { private: _, files: __, scripts: ___, devDependencies: ____, exports, ...rest } = manifest;
  const compiled = Object.entries(/** @type {Record<string, string>} */ (exports)).map(([path, module]) => [
    path,
    { types: module.replace(/\.ts$/, '.d.ts'), default: module.replace(/\.ts$/, '.js') },
  ]);
  return {
    ...rest,
    exports: { ...Object.fromEntries(compiled), './package.json': './package.json' },
    gitHead: commit(),
  };
}

/**
 * The recipes, with the files beside them that they import; experiments stay.
 * @param {string} folder
 */
function copyRecipes(folder) {
  const all = readdirSync(join(root, 'recipes'), { recursive: true, encoding: 'utf8' });
  for (const name of all.filter((name) => name.endsWith('.ts') && !name.startsWith('experiments'))) {
    const target = join(folder, 'recipes', name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, javaScript(readFileSync(join(root, 'recipes', name), 'utf8')));
  }
}

/**
 * Writes the package to `target`, which appears whole or not at all.
 * @param {string} target
 * @param {{ check?: boolean }} [options] whether the types of all that is in it are checked, as `npm run check` does
 */
export async function build(target, { check = true } = {}) {
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}-`);
  try {
    await compile(folder, check);
    for (const name of ['README.md', 'LICENSE', 'data'])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    // Files that modules read: the chat page, models and a game with their licences, and the script of the bridge to Python.
    const environments = ['mujoco/models', 'nes/efp', 'python/bridge.py'].map((path) => `src/rl/environments/${path}`);
    for (const path of ['src/serve/page/files', ...environments])
      cpSync(join(workspace, path), join(folder, path), { recursive: true });
    copyRecipes(folder);
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packageJson(), null, 2)}\n`);
    rmSync(target, { recursive: true, force: true });
    renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const target = resolve(process.argv[2] ?? join(workspace, 'dist'));
  await build(target);
  console.log(`the package is in ${relative('', target) || '.'}`);
}
