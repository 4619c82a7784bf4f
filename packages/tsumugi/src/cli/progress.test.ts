// The line of progress: what is left follows from what was done, by a clock of the test's own.
import { afterEach, expect, it, vi } from 'vitest';
import { testIo } from './cli.testing.ts';
import { ProgressLine } from './progress.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  [10, 0.25, ' 25 %', 'ETA 30.0 s'],
  [30, 0.75, ' 75 %', 'ETA 10.0 s'],
  [90, 0.6, ' 60 %', 'ETA 1 min 00 s'],
  [9, 1, '100 %', 'ETA 0 ms'],
])('after %i s with %f done, says %s and %s', (seconds, done, share, left) => {
  const { stderr, written } = testIo([]);
  stderr.isTTY = true;
  let now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  using line = new ProgressLine(stderr, 'reading');
  now += 1000 * seconds;
  line.update(done, 'a note');
  expect(written.stderr).toContain(`${share}  ${left}  a note`);
});
