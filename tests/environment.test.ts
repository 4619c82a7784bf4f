// docs/environment.md names every environment variable that the sources know, and no other.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readPage, root } from './snippets.testing.ts';

/** What tests make up for themselves. */
const madeUp = new Set(['TSUMUGI_TEST_KEY', 'PRETENDED', 'SEED']);

/** Ways to read or set a variable, in TypeScript and JavaScript, Python, shell and C++. */
const uses = [
  /\benv\??\.?\[\s*['"](\w+)['"]\s*\]/g, // env['NAME'], process.env['NAME']
  /\bwhole\(env, '(\w+)'/g, // the place of a process
  /\bprocess\.env\.(\w+)/g,
  /\bvariables\['(\w+)'\]/g, // the loader's
  /\b(\w+_(?:CPU_CAPABILITY|MAX_CPU_ISA|ENABLE_INSTRUCTIONS)): '/g,
  /\bos\.environ(?:\.get\(|\[)["'](\w+)/g,
  /\b[gs]etenv\("(\w+)"/g,
  /\$\{?((?:TSUMUGI|BENCH)_\w+)/g,
];

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter(
    (file) => /\.(ts|js|mjs|py|cc|h)$|^\.ci\/|^scripts\/[^./]+$/.test(file) && file !== 'tests/environment.test.ts',
  );

const used = new Set(
  files.flatMap((file) => {
    const text = readFileSync(root + file, 'utf8');
    return uses.flatMap((use) => [...text.matchAll(use)].map(([, name]) => name!)).filter((name) => !madeUp.has(name));
  }),
);

const rows = readPage('environment.md')
  .split('\n')
  .filter((line) => line.startsWith('| `'));
const described = rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));

it('has a row for every variable', () => {
  expect([...described].sort()).toEqual([...used].sort());
});

it('finds a variable however it is read', () => {
  const ways = [
    "process.env['A_B']",
    'process.env.A_B',
    "env['A_B']",
    'os.environ["A_B"]',
    'getenv("A_B")',
    'setenv("A_B", "0", 0)',
  ];
  for (const way of ways)
    expect(
      uses.flatMap((use) => [...way.matchAll(use)]),
      way,
    ).not.toEqual([]);
});
