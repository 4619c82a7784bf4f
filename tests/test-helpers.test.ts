// What only tests use is called `….testing.ts`, and nothing that is delivered imports it: so a reader, the package and mutation
// testing tell it apart by its name.
import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './snippets.testing.ts';

const files = globSync('{packages/tsumugi/{src,scripts},tests,recipes,bench,examples}/**/*.{ts,mjs}', {
  cwd: root,
  exclude: ['**/node_modules/**'],
});
const isTest = (file: string) => /\.(test|testing)\.ts$/.test(file);
const isShipped = (file: string) => file.startsWith('packages/tsumugi/src/') && !isTest(file);

/** file → those that import it, or name it as the file of a process or worker. */
const users = new Map<string, string[]>();
for (const file of files)
  for (const [, name] of readFileSync(join(root, file), 'utf8').matchAll(
    /(?:from |import\(?|URL\(|moduleBeside\()'([^']+)'/g,
  )) {
    const path = posix.join(posix.dirname(file), name!);
    for (const target of [path, `${path}.ts`]) users.set(target, [...new Set([...(users.get(target) ?? []), file])]);
  }

it('finds who uses what', () => {
  expect(users.get('packages/tsumugi/src/cli/cli.testing.ts')!.length).toBeGreaterThan(10);
  expect(users.get('packages/tsumugi/src/text/parquet-thread.ts')).toEqual([
    'packages/tsumugi/src/text/read-parquet.ts',
  ]);
});

it('calls what only tests use .testing.ts', () => {
  const onlyTests = files.filter(
    (file) =>
      isShipped(file) &&
      (users.get(file) ?? []).length > 0 &&
      users.get(file)!.every((user) => isTest(user) || user.startsWith('tests/')),
  );
  // What is found at run time, or from outside: a folder's surface, the command, the tasks.
  const found = /\/index\.ts$|\/cli\/main\.ts$|\/eval\/tasks\//;
  expect(onlyTests.filter((file) => !found.test(file))).toEqual([]);
});

it('keeps it out of what is delivered', () => {
  const wrong = [...users].filter(([file, from]) => file.endsWith('.testing.ts') && from.some(isShipped));
  expect(wrong).toEqual([]);
});
