// What docs/extend.md says is true: its example is the one in examples/ and runs, its commands have the options it uses, its
// links lead somewhere. The look-up experiment runs in tests/long/experiments/long-lookup.long.ts.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RandomStream } from 'tsumugi/base';
import { expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { page as bookPage, names, questionsAt } from '../recipes/experiments/phone-book.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(`${root}docs/extend.md`, 'utf8');
const node = (...words: string[]) =>
  execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map((match) => match[1]!);

it('has the example that is in examples/, and it runs', () => {
  const example = readFileSync(`${root}examples/extend-context.ts`, 'utf8');
  expect(blocks('ts')).toEqual([example.slice(example.indexOf('\n') + 1)]);
  expect(node('examples/extend-context.ts')).toMatch(
    /window of layer 1: everything\nbits per character: [\d.]+ → [\d.]+/,
  );
});

it('names options and settings that exist', async () => {
  const helps = [await runCli(['extend', '--help']), await runCli(['data', 'prepare', '--help'])];
  const help = helps.map(({ stdout }) => stdout).join('');
  const commands = blocks('sh').join('');
  for (const [option] of commands.matchAll(/--[a-z-]+/g)) expect(help).toContain(option);
  const table = /\| setting .*?\n\n/s.exec(page)![0];
  const settings = [...commands.matchAll(/--set "?(\w+)=/g), ...table.matchAll(/^\|[^|]*`(\w+)`/gm)];
  expect(settings.length).toBeGreaterThan(8);
  for (const [, setting] of settings) expect(help).toContain(`\n  ${setting} `);
});

it('links to pages that exist', () => {
  const links = [...page.matchAll(/\]\((?!http)([^)]+)\)/g)].map((match) => match[1]!);
  expect(links.length).toBeGreaterThan(0);
  for (const link of links) expect(existsSync(`${root}docs/${link.split('#')[0]}`), link).toBe(true);
});

it('asks for names that stood exactly so long ago, whose numbers do not change', () => {
  const random = new RandomStream(3);
  for (const distance of [4, 16, 64, 4096]) {
    const { text, places } = questionsAt(random, distance);
    const tokens = ['BOS', ...text];
    expect(places).toHaveLength(Math.min(distance / 2, 16));
    for (const place of places) {
      expect(names).toContain(tokens[place]);
      expect(tokens.lastIndexOf(tokens[place]!, place - 1)).toBe(place - distance);
      expect(tokens[place + 1]).toBe(tokens[place - distance + 1]);
    }
  }
  const text = bookPage(random, 4096);
  expect(text).toHaveLength(4095);
  const numbers = new Map<string, string>();
  const distances: number[] = [];
  for (let at = 0; at + 1 < text.length; at += 2) {
    const known = numbers.get(text[at]!);
    if (known !== undefined) {
      expect(text[at + 1]).toBe(known);
      distances.push(at - text.lastIndexOf(text[at]!, at - 1));
    }
    numbers.set(text[at]!, text[at + 1]!);
  }
  expect(numbers.size).toBe(256);
  // Drawn evenly over the orders of magnitude: every one is asked for.
  for (const [low, high] of [[1, 8], [8, 64], [64, 512], [512, 4096]] as const) // biome-ignore format: pairs
    expect(distances.filter((distance) => distance >= low && distance < high).length).toBeGreaterThan(50);
});
