// What CONTRIBUTING.md, the pages for developers, the editor's tasks and the list of slow tests name is there.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { slow } from '../scripts/vitest.fast.ts';
import { root } from './snippets.testing.ts';

const pages = ['CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: root })];
const read = (file: string) => readFileSync(root + file, 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

it.each(pages)('%s links to pages and headings that exist', (page) => {
  for (const [, link] of read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [path, heading] = link!.split('#');
    const target = path === '' ? page : join(dirname(page), path!);
    expect(existsSync(root + target), link).toBe(true);
    if (heading === undefined) continue;
    const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
      text!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-'),
    );
    expect(headings, link).toContain(heading);
  }
});

it.each([...pages, '.vscode/tasks.json'])('%s names scripts that npm has', (page) => {
  for (const [, name] of read(page).matchAll(/npm run ([a-z:-]+)/g)) expect(scripts).toHaveProperty([name!]);
});

it('leaves out of the fast tests only files that are there', () => {
  const patterns = Object.values(slow).flat();
  // Each name inside braces is a file of its own.
  const files = patterns.flatMap((pattern) => {
    const [, before, names, after] = /^(.*)\{(.*)\}(.*)$/.exec(pattern) ?? [];
    return names === undefined ? [pattern] : names.split(',').map((name) => `${before}${name}${after}`);
  });
  expect(files.length).toBeGreaterThan(40);
  const missing = files.filter((file) => globSync(file, { cwd: root, exclude: ['**/node_modules'] }).length === 0);
  expect(missing).toEqual([]);
});
