// docs/extending.md: its programs run, the command it shows is one, and the files and tests it names are there.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readPage, root, snippetsOf, testPrograms } from './snippets.testing.ts';

const page = readPage('extending.md');
const snippets = snippetsOf(page);
testPrograms(snippets);

it('names files that are there, or those that one would make', () => {
  const made = new Set([
    'nn/layer-scale.ts',
    'optim/lion.ts',
    'eval/tasks/opposites.ts',
    'stages/lines.ts',
    'cli/count.ts',
  ]);
  const named = [...page.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.(?:ts|cc))`/g)].map(([, file]) => file!);
  expect(named.length).toBeGreaterThan(25);
  for (const file of named) {
    if (made.has(file) || file === 'eval/tasks/opposites/task.ts' || file.includes('/NAME.')) continue;
    const places = ['', 'packages/tsumugi/src/', 'packages/native/src/'].map((folder) => root + folder + file);
    expect(
      places.some((place) => existsSync(place)),
      file,
    ).toBe(true);
  }
});
