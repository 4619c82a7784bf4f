// docs/scale-forecast.md: its tables and picture are what the functions say, its rates those of the code, and its commands run.
import { expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { machines } from '../packages/tsumugi/src/train/index.ts';
import { assumed31b, picture, tables, withTables } from '../scripts/docs/scale-forecast.ts';
import { blocksOf, readPage } from './snippets.testing.ts';

const page = readPage('scale-forecast.md');
const made = tables();

it('has the tables and the picture that "node scripts/docs/scale-forecast.ts" makes', () => {
  expect(withTables(page, made)).toBe(page);
  expect(readPage('scale-forecast.svg')).toBe(picture());
});

it('finds tables that changed', () => {
  const changed = page.replace('| 8B | 9,118,372,864 |', '| 8B | 9,000,000,000 |');
  expect(changed).not.toBe(page);
  expect(withTables(changed, made)).toBe(page);
});

it('names the rates that go in', () => {
  const { flops, memory, inside, between } = machines.h100.rates;
  const peak = /\| ([\d.]+) TFLOP\/s \|/.exec(page)![1]!;
  const share = /\| (\d+) % \|/.exec(page)![1]!;
  expect(flops).toBeCloseTo(((Number(peak) * Number(share)) / 100) * 1e12, -9);
  expect(page).toContain(`| memory | ${memory / 1e12} TB/s |`);
  expect(page).toContain(`| inside a host | ${inside.bytes / 1e9} GB/s |`);
  expect(page).toContain(`| between hosts | 8 × ${between.bytes / 8e9} GB/s |`);
  expect(page).toContain(`| a message | ${1e6 * inside.latency} µs, ${1e6 * between.latency} µs |`);
});

it('tells how to have the shape that is assumed', () => {
  expect(page).toContain(`modelChanges=${JSON.stringify(assumed31b)}`);
});

const commands = blocksOf(page, 'sh').flatMap((block) => block.trim().split('\n'));
it.each(commands)('%s', async (command) => {
  const [, , ...args] = command.split(' ');
  // A rate that is given needs no rehearsal.
  const { code, stderr } = await runCli([...args, ...(command.includes('=here') ? ['--set', 'flops=1e11'] : [])]);
  expect(code, stderr).toBe(0);
});
