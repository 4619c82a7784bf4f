// docs/glossary.md: the names it gives are in the sources.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readPage, root } from './snippets.testing.ts';

const rows = readPage('glossary.md')
  .split('\n')
  .filter((line) => /^\|(?! word |---)/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

const files = execFileSync('git', ['ls-files', 'packages/tsumugi/src'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n');
const sources = files.filter((file) => !file.endsWith('.test.ts'));
const text = [...sources, ...sources.map((file) => readFileSync(root + file, 'utf8'))].join('\n');

it('has a line of three cells for each word, once', () => {
  expect(rows.length).toBeGreaterThan(60);
  expect(rows.filter((cells) => cells.length !== 3 || cells.some((cell) => cell === ''))).toEqual([]);
  expect(new Set(rows.map(([word]) => word)).size).toBe(rows.length);
});

it.each(rows.map(([word, , here]) => [word!, here!]))('%s', (_, here) => {
  const names = [...here.matchAll(/`([^`…]+)`/g)].map(([, name]) => name!);
  for (const name of names.filter((each) => each !== '_'))
    expect(text, name).toMatch(new RegExp(`(?<![\\w-])${name.replace(/^--/, '').replaceAll('.', '\\.')}(?!\\w)`));
});
