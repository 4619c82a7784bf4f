// A range test read: rates worked out by hand from losses that are given.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { NewEvent } from '../run/index.ts';
import { rangeTest } from './range-test.ts';
import { readRun } from './read-run.ts';
import { runPage, runText } from './run-report.ts';
import { writeRun } from './runs.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-range-test-'));
afterAll(() => rmSync(home, { recursive: true }));

/** A decade at each step. */
const at = (losses: readonly number[]) => losses.map((loss, i) => ({ lr: 10 ** (i - 6), loss }));

it('finds where the smoothed loss falls fastest, is lowest, and is above its beginning again', () => {
  // Smoothed over three, ends as they are: 9, 9, 8, 6, 5, 5, 8, 12. Differences over two: -1, -3, -3, -1, 3, 7: the first of the
  // steepest is at the third, the first of the lowest at the fifth, and 12 > 9.
  const found = rangeTest(at([9, 9, 9, 6, 3, 6, 6, 12]), false)!;
  expect(found.points.map(({ smoothed }) => smoothed)).toEqual([9, 9, 8, 6, 5, 5, 8, 12]);
  expect([found.steepest, found.lowest, found.diverged]).toEqual([1e-4, 1e-2, 10]);
});

it('takes the slope over the logarithm of the rate', () => {
  // By the step both falls are the same; the second is over a fifth of a decade.
  const steps = [1, 10, 100, 120, 140].map((lr, i) => ({ lr, loss: 9 - i }));
  expect(rangeTest(steps, false)!.steepest).toBe(120);
});

it('says what there is when it never falls, never rises again, or ended in what is no number', () => {
  const rising = rangeTest(at([1, 2, 3, 4]), false)!;
  expect([rising.steepest, rising.lowest, rising.diverged]).toEqual([null, 1e-6, 1e-5]);
  const falling = at([4, 3, 2, 1]);
  expect([rangeTest(falling, false)!.diverged, rangeTest(falling, true)!.diverged]).toEqual([null, 1e-3]);
  expect(rangeTest(at([4, 3]), false)).toBeUndefined();
});

it('stands in the report of such a run, and of no other', () => {
  const write = (name: string, schedule: string) => {
    const steps = at([9, 9, 9, 6, 3, 6, 6]).map((each, i): NewEvent => ({ type: 'step', step: i + 1, ...each }));
    const warning: NewEvent = { type: 'warning', step: 7, code: 'diverged', message: 'training diverged at step 8' };
    return readRun(writeRun(join(home, name), 'pretrain', { schedule }, [...steps, warning]));
  };
  const run = write('range', 'range-test');
  const metrics = run.metrics.map(({ name, value }) => [name, value]);
  expect(metrics.slice(0, 3)).toEqual([
    ['learning rate where the loss falls fastest', 1e-4],
    ['learning rate where the loss is lowest', 1e-2],
    ['learning rate where it diverges', 1],
  ]);
  expect(runText(run)).toMatch(/falls fastest +1.00e-4\n/);
  expect(runPage(run)).toContain('aria-label="loss against learning rate"');
  expect(runPage(run)).toContain('smoothed, learning rate 0.01: 5');
  const other = write('other', 'cosine');
  expect(other.metrics.map(({ name }) => name).filter((name) => name.startsWith('learning rate'))).toEqual([]);
  expect(runPage(other)).not.toContain('range test');
});
