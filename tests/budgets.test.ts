// Ceilings: files stay small enough to read, dependencies few, and nothing of a machine's paths gets in.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const code = tracked.filter((file) => /\.(ts|js|mjs|cc|h)$/.test(file) && !file.includes('.generated.'));
const lines = (file: string) => readFileSync(root + file, 'utf8').split('\n').length;

it('keeps files small', () => {
  const sizes = code.map((file) => [lines(file), file] as const).sort(([a], [b]) => b - a);
  expect(sizes.filter(([size]) => size > 800).map(([, file]) => file)).toEqual([]);
  expect(sizes[Math.floor(sizes.length / 2)]![0]).toBeLessThan(200);
});

it('begins every source file with a comment that says what it is', () => {
  const bare = code.filter(
    (file) => !/^(#!.*\n)?\/[/*]/.test(readFileSync(root + file, 'utf8')) && !file.endsWith('/index.ts'),
  );
  expect(bare).toEqual([]);
});

it('depends on few packages', () => {
  const { dependencies } = JSON.parse(readFileSync(`${root}packages/tsumugi/package.json`, 'utf8'));
  expect(Object.keys(dependencies).sort()).toEqual([
    '@hono/node-server',
    '@huggingface/hub',
    '@huggingface/jinja',
    '@mlc-ai/web-xgrammar',
    '@tsumugi/native',
    'hono',
    'hyparquet',
    'hyparquet-compressors',
    'prom-client',
    'sharp',
    'xz-decompress',
    'yaml',
    'zod',
  ]);
});

it('writes the lock file without registry hosts', () => {
  expect(readFileSync(`${root}package-lock.json`, 'utf8')).not.toMatch(/"resolved": "https?:/);
});
