// What each configuration of vitest runs, asked of vitest itself: an option that it does not hear would go unseen.
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { matchesGlob, relative } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { slow } from '../scripts/vitest.fast.ts';
import { same } from '../scripts/vitest.lower.ts';
import { memory } from '../scripts/vitest.sanitize.ts';
import { everyCore } from '../vitest.config.ts';
import { root } from './snippets.testing.ts';

const names = ['vitest.config', 'scripts/vitest.fast', 'scripts/vitest.lower', 'scripts/vitest.sanitize'] as const;
interface Listed {
  readonly file: string;
  readonly maxWorkers: number;
  readonly threads: string | null;
}
let listed: Record<(typeof names)[number], Listed[]>;

beforeAll(() => {
  const program = `import { createVitest } from 'vitest/node';
    const listed = {};
    for (const name of ${JSON.stringify(names)}) {
      const vitest = await createVitest('test', { config: name + '.ts', run: true, watch: false, reporters: [] });
      const files = await vitest.globTestSpecifications();
      listed[name] = files.map(({ moduleId, project: { config } }) => {
        return { file: moduleId, maxWorkers: config.maxWorkers, threads: config.env?.TSUMUGI_THREADS ?? null };
      });
      await vitest.close();
    }
    console.log(JSON.stringify(listed));`;
  const { TSUMUGI_THREADS: _, ...env } = process.env;
  const answer = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: root, env });
  listed = JSON.parse(answer.toString()) as typeof listed;
});
const filesOf = (name: keyof typeof listed) => listed[name].map(({ file }) => relative(root, file)).sort();
const matching = (files: readonly string[], globs: readonly string[]) =>
  files.filter((file) => globs.some((glob) => matchesGlob(file, glob)));

it('npm test runs each file of tests once', () => {
  const all = globSync('{packages/*/{src,test},tests}/**/*.test.ts', { cwd: root }).sort();
  expect(all.length).toBeGreaterThan(500);
  expect(filesOf('vitest.config')).toEqual(all);
});

it('what has kernels runs on every core, and so does some of what stands on them; the rest in one thread', () => {
  const threads = new Map(listed['vitest.config'].map(({ file, threads }) => [relative(root, file), threads]));
  const every = [...threads].filter(([, count]) => count === null).map(([file]) => file);
  expect(every.sort()).toEqual(matching(filesOf('vitest.config'), Object.values(everyCore).flat()));
  for (const folder of ['compress', 'gan', 'lm', 'nn', 'optim', 'rl', 'torch', 'train'])
    expect(
      every.some((file) => file.startsWith(`packages/tsumugi/src/${folder}/`)),
      folder,
    ).toBe(true);
  expect([...new Set(threads.values())].sort()).toEqual(['1', null]);
});

it('the fast tests, the lower level and the sanitizers leave out what their configurations name', () => {
  const all = filesOf('vitest.config');
  for (const [name, globs] of [
    ['scripts/vitest.fast', Object.values(slow).flat()],
    ['scripts/vitest.lower', same],
    ['scripts/vitest.sanitize', memory],
  ] as const) {
    expect(matching(all, globs).length, name).toBeGreaterThan(0);
    expect(matching(filesOf(name), globs), name).toEqual([]);
  }
});

it('the lower level runs what computes', () => {
  const folders = new Set(filesOf('scripts/vitest.lower').map((file) => file.split('/').slice(0, 4).join('/')));
  const src = ['lm', 'nn', 'optim', 'torch', 'train'].map((folder) => `packages/tsumugi/src/${folder}`);
  expect([...folders].sort()).toEqual(['packages/native/test/level.test.ts', ...src]);
});

it('the sanitizers run one process at a time, with all other suites to choose from', () => {
  expect(new Set(listed['scripts/vitest.sanitize'].map(({ maxWorkers }) => maxWorkers))).toEqual(new Set([1]));
  expect(filesOf('scripts/vitest.sanitize').length).toBe(filesOf('vitest.config').length - memory.length);
});
