// Imports go one way: walks every import of packages/tsumugi/src against the table in docs/architecture.md.
import { globSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const src = fileURLToPath(new URL('../packages/tsumugi/src/', import.meta.url));

const architecture = readFileSync(fileURLToPath(new URL('../docs/architecture.md', import.meta.url)), 'utf8');

/** The rows of the page's table: folder → the folders and the npm packages that it may import. */
const table = new Map(
  Array.from(
    architecture.matchAll(/^\| `([\w.]+?)\/?` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/gm),
    ([, folder, folders, packages]) => [folder!, { folders: folders!.split(' '), packages: packages!.split(' ') }],
  ),
);

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
const isTest = (file: string) => /\.(test|testing)\.ts$/.test(file);
const own = imports.filter(({ target }) => target.endsWith('.ts'));
const outside = own.filter(({ target }) => target.startsWith('..'));
const crossing = own.filter(({ file, target }) => !target.startsWith('..') && folderOf(file) !== folderOf(target));

it('finds the imports', () => {
  expect(crossing.length).toBeGreaterThan(50);
  expect(imports).toContainEqual({ file: 'cli/commands.ts', target: 'cli/score.ts' });
});

it('is the table of the page: every folder has a row, and no row names a folder that is not there', () => {
  expect([...table.keys()].sort()).toEqual([...new Set(files.map(folderOf))].sort());
  const named = [...table.values()].flatMap(({ folders }) => folders).filter((name) => name !== '–');
  expect(named.filter((name) => !table.has(name))).toEqual([]);
});

it('follows the direction of the folders', () => {
  expect(crossing.filter(({ file, target }) => !table.get(folderOf(file))!.folders.includes(folderOf(target)))).toEqual(
    [],
  );
});

it('has no circle between folders', () => {
  const order = [...table.keys()];
  const upward = [...table].flatMap(([folder, { folders }]) =>
    folders.filter((other) => order.indexOf(other) > order.indexOf(folder)).map((other) => `${folder} → ${other}`),
  );
  expect(upward).toEqual([]);
});

it('enters another folder through its index', () => {
  const shipped = crossing.filter(({ file }) => !isTest(file));
  expect(shipped.filter(({ target }) => basename(target) !== 'index.ts')).toEqual([]);
});

it('leaves src in tests only', () => {
  expect(outside.filter(({ file }) => !isTest(file))).toEqual([]);
});

it('brings in packages only where they belong', () => {
  const foreign = imports
    .filter(({ target }) => !target.endsWith('.ts') && target !== 'vitest')
    .map(({ file, target }) => ({ file, target, name: /^(@[^/]+\/)?[^/]+/.exec(target)![0] }));
  const belongs = (file: string, name: string) => table.get(folderOf(file))!.packages.includes(name);
  expect(foreign.filter(({ file, target, name }) => !belongs(file, target) && !belongs(file, name))).toEqual([]);
  const checked = /^(cli|run|recipe|serve|store)\/|[/-](config|issue-text|manifest|state)\.ts$/;
  expect(foreign.filter(({ file, target }) => target === 'zod' && !isTest(file) && !checked.test(file))).toEqual([]);
  expect(imports.filter(({ file, target }) => target === 'vitest' && !isTest(file))).toEqual([]);
});
