// What the README says is true: its commands exist with the options it uses, and its example is the one that runs.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map((match) => match[1]!);
const commands = blocks('sh').join('').split('\n').filter(Boolean);

it.each(commands)('%s', async (line) => {
  const [words] = line.split(/\s+#/);
  const [program, command, ...rest] = words!.split(/\s+/) as [string, string, ...string[]];
  if (program === 'npm') {
    if (command === 'install') return expect(rest).toEqual(['tsumugi']);
    const scripts = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).scripts as Record<string, string>;
    expect(scripts).toHaveProperty(command === 'run' ? rest[0]! : command);
    return;
  }
  expect([program, command]).toEqual(['npx', 'tsumugi']);
  const names = rest
    .filter((word) => !word.startsWith('-') && /^[a-z]+$/.test(word))
    .slice(0, rest[1]?.startsWith('-') ? 1 : 2);
  const { code, stdout: help, stderr } = await runCli([...names, '--help']);
  expect(code, stderr).toBe(0);
  for (const option of rest.filter((word) => word.startsWith('--'))) expect(help).toContain(option);
});

it('has the example that is in examples/', () => {
  const example = readFileSync(`${root}examples/learn-to-count.ts`, 'utf8');
  expect(example.slice(example.indexOf('\n') + 1)).toBe(blocks('ts')[0]);
});

it('has an example that learns', () => {
  const output = execFileSync(process.execPath, [`${root}examples/learn-to-count.ts`], { encoding: 'utf8' });
  expect(output).toContain('after 5, 6, 7 come 8, 9, 10, 11, 12, 13, 14, 15');
});

it('links to pages that exist', () => {
  const links = [...readme.matchAll(/\]\((?!http)([^)]+)\)/g)].map((match) => match[1]!);
  expect(links.length).toBeGreaterThan(0);
  for (const link of links) expect(existsSync(root + link), link).toBe(true);
});
