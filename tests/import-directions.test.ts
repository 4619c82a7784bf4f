// Imports go one way (docs/architecture.md): walks every import of packages/tsumugi/src against the table.
import { globSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const src = fileURLToPath(new URL('../packages/tsumugi/src/', import.meta.url));

const optim = ['base', 'torch', 'nn'];
const storage = [...optim, 'optim'];
const run = ['base', 'torch', 'store'];
const lm = [...storage, 'store', 'text'];
const stages = [...lm, 'lm', 'run', 'mesh'];
const products = [...stages, 'train', 'compress', 'eval'];
const environments = [...storage, 'store', 'run'];
/** Folder → the folders it may import. */
const table: Readonly<Record<string, readonly string[]>> = {
  ...{ base: [], torch: ['base'], nn: ['base', 'torch'], optim, store: storage, text: storage, run, mesh: run, lm },
  ...{ train: stages, compress: stages, eval: stages, synth: products, serve: products },
  ...{ stages: [...products, 'synth', 'serve'], rl: environments, gan: environments },
  cli: [...products, 'stages', 'synth', 'serve', 'rl', 'gan'],
  'index.ts': [...products, 'stages', 'synth', 'serve', 'rl', 'gan'], // the root export
};

/** Package → the files that may import it. What comes from outside is checked by zod there, and nowhere else. */
const packages: Readonly<Record<string, RegExp>> = {
  '@tsumugi/native': /^torch\//,
  '@tsumugi/native/lib/cache-folder.js': /^base\/cache-folder\.ts$/,
  'eld/small': /^eval\/m-ifeval\//,
  hyparquet: /^text\//,
  'hyparquet-compressors': /^text\//,
  'lindera-wasm-nodejs-ipadic': /^eval\/m-ifeval\//,
  sharp: /^gan\/images\/picture\.ts$/,
  'xz-decompress': /^text\//,
  zod: /^(cli|run|serve|store)\/|^base\/issue-text|[/-](config|manifest)\.ts$/,
};

const statement = /^(?:import|export)\b[^'";]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm;
const files = globSync('**/*.ts', { cwd: src });
const imports = files
  .flatMap((file) =>
    Array.from(readFileSync(join(src, file), 'utf8').matchAll(statement), ([, from, bare, lazy]) => {
      const target = (from ?? bare ?? lazy)!;
      return { file, target: target.startsWith('.') ? posix.join(posix.dirname(file), target) : target };
    }),
  )
  .filter(({ target }) => !target.startsWith('node:'));
const folderOf = (path: string) => path.split('/')[0]!;
const isTest = (file: string) => /(\.test|\.suite|\/testing|\/twins)\.ts$/.test(file);
const own = imports.filter(({ target }) => target.endsWith('.ts'));
const outside = own.filter(({ target }) => target.startsWith('..'));
const crossing = own.filter(({ file, target }) => !target.startsWith('..') && folderOf(file) !== folderOf(target));

it('finds the imports', () => {
  expect(crossing.length).toBeGreaterThan(50);
  expect(imports).toContainEqual({ file: 'cli/main.ts', target: 'cli/score.ts' });
});

it('follows the direction of the folders', () => {
  expect(files.filter((file) => !(folderOf(file) in table))).toEqual([]);
  expect(crossing.filter(({ file, target }) => !table[folderOf(file)]!.includes(folderOf(target)))).toEqual([]);
});

it('enters another folder through its index', () => {
  const shipped = crossing.filter(({ file }) => !file.endsWith('.test.ts'));
  expect(shipped.filter(({ target }) => basename(target) !== 'index.ts')).toEqual([]);
});

it('leaves src in tests only', () => {
  expect(outside.filter(({ file }) => !isTest(file))).toEqual([]);
});

it('brings in packages only where they belong', () => {
  const foreign = imports.filter(({ target }) => !target.endsWith('.ts') && target !== 'vitest');
  expect(foreign.filter(({ file, target }) => !packages[target]?.test(file))).toEqual([]);
  expect(imports.filter(({ file, target }) => target === 'vitest' && !isTest(file))).toEqual([]);
});
