// Which runs are one group, and what a recipe's run came to.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { compareRuns } from './comparison.ts';
import { readRun } from './read-run.ts';
import { writeRun } from './runs.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-comparison-'));
afterAll(() => rmSync(home, { recursive: true }));

it('keeps runs of two kinds apart, though their settings are the same', () => {
  const step = { type: 'step', step: 1, loss: 1 } as const;
  const runs = [['a', 'pretrain', 0], ['b', 'pretrain', 1], ['c', 'gan', 0]] as const; // biome-ignore format: rows
  const read = runs.map(([name, kind, seed]) => readRun(writeRun(join(home, name), kind, { seed, lr: 1 }, [step])));
  expect(compareRuns(read).groups.map((group) => group.runs)).toEqual([['a', 'b'], ['c']]);
});

it.each([
  [['made', 'unchanged'], 'done'],
  [['made', 'failed', 'waits'], 'failed'],
  [['made', 'waits'], 'not finished'],
])('a recipe whose stages are %j is %s', (states, expected) => {
  writeFileSync(join(home, 'recipe.json'), '{}');
  const stages = states.map((state, i) => ({
    name: `s${i}`,
    state,
    address: '0'.repeat(64),
    metrics: [],
    finished: null,
  }));
  const report = { format: 'tsumugi-report', recipe: 'r', config: {}, stages, written: '2026-01-01T00:00:00.000Z' };
  writeFileSync(join(home, 'report.json'), JSON.stringify(report));
  expect(readRun(home).state).toBe(expected);
});
