// The programs in docs/rl/environments.md do what they say, and its table has the names of the registry.
import { expect, it } from 'vitest';
import { environmentIds, wrapperNames } from '../packages/tsumugi/src/rl/index.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const page = readPage('rl/environments.md');

testPrograms(snippetsOf(page));

it('has a row for each environment', () => {
  const table = /^\| name \|.*?\n\n/ms.exec(page)![0];
  for (const id of environmentIds()) if (!/-v[45]$/.test(id) || id === 'Taxi-v4') expect(table).toContain(`\`${id}\``);
});

it('has the name of each wrapper', () => {
  const table = /^\| name \| options \|.*?\n\n/ms.exec(page)![0];
  for (const name of wrapperNames()) expect(table).toContain(`\`${name}\``);
});
