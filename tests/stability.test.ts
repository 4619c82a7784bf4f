// The example of stability shows what the page says, and the page shows the example.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = (...words: string[]) =>
  execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const page = readFileSync(`${root}docs/stability.md`, 'utf8');

it('has an example in which QK-norm bounds attention logits and the z-loss log Z', () => {
  const numbers = [...node('examples/stability.ts').matchAll(/log Z ([\d.]+), attention logits ≤ (\d+)/g)];
  const [[plainZ, plainLogit], [z, logit]] = numbers.map(([, ...each]) => each.map(Number)) as [number[], number[]];
  expect(plainLogit).toBeGreaterThan(1000);
  expect(logit).toBeLessThan(200);
  expect(z).toBeLessThan(plainZ! / 2);
});

it('is described with the example that is in examples/, and links to pages that exist', () => {
  const example = readFileSync(`${root}examples/stability.ts`, 'utf8');
  expect(/```ts\n(.*?)```/s.exec(page)![1]).toBe(example.slice(example.indexOf('\n') + 1));
  const links = [...page.matchAll(/\]\((?!http)([^)]+)\)/g)].map((match) => match[1]!);
  expect(links.length).toBeGreaterThan(0);
  for (const link of links) expect(existsSync(`${root}docs/${link}`), link).toBe(true);
});
