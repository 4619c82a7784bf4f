// Python's rounding and summing, against fixed cases and against Python itself where there is one.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../base/index.ts';
import { meanAndDeviation, roundDecimal, sum } from './rounding.ts';

describe('roundDecimal', () => {
  it.each([
    // Exact ties go to the even digit …
    [0.5, 0, 0],
    [1.5, 0, 2],
    [2.5, 0, 2],
    [49.5, 0, 50],
    [0.25, 1, 0.2],
    [0.75, 1, 0.8],
    [0.125, 2, 0.12],
    [0.375, 2, 0.38],
    [2.5e-1, 1, 0.2],
    [1234.0625, 3, 1234.062],
    [-2.5, 0, -2],
    [-0.375, 2, -0.38],
    // … what only looks like one goes where the binary value lies.
    [2.675, 2, 2.67],
    [1.005, 2, 1],
    [0.571265, 5, 0.57127],
    [0.5712649999999999, 5, 0.57126],
    [0.285, 2, 0.28],
    [1.0000005, 6, 1.000001],
    [0, 5, 0],
    [1, 5, 1],
    [0.1, 5, 0.1],
    [123456789.123456, 1, 123456789.1],
  ])('rounds %d to %d digits: %d', (x, digits, expected) => {
    expect(roundDecimal(x, digits)).toBe(expected);
  });

  it('agrees with Python', ({ skip }) => {
    const stream = new RandomStream(7);
    const cases = Array.from({ length: 4000 }, (_, i) => {
      const digits = stream.below(7);
      const exactTie = (stream.below(2 ** 12) + 0.5) / 2 ** digits;
      const decimalTie = Number(`${stream.below(10 ** (digits + 1))}5e-${digits + 1}`);
      return [[exactTie, decimalTie, stream.next() * 10 ** stream.below(5)][i % 3]!, digits] as const;
    });
    const program = 'import json, sys; print(json.dumps([round(x, d) for x, d in json.load(sys.stdin)]))';
    const python = spawnSync('python3', ['-c', program], { input: JSON.stringify(cases), encoding: 'utf8' });
    if (python.status !== 0) skip('there is no python3');
    expect(cases.map(([x, digits]) => roundDecimal(x, digits))).toEqual(JSON.parse(python.stdout));
  });
});

describe('sum', () => {
  it('keeps what single additions lose', () => {
    expect(sum([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])).toBe(1);
    expect(sum([1e16, 1, -1e16])).toBe(1);
    expect(sum([1, 1e16, 1, -1e16])).toBe(2);
    // From the published answers to Q13: a plain sum has 0.7311559999999999 here and the average another fifth digit.
    expect(sum([0.231699, 0.232918, 0.266539])).toBe(0.731156);
    expect(sum([])).toBe(0);
  });
});

it('takes the deviation of the whole population', () => {
  expect(meanAndDeviation([1, 2, 3, 4], 4)).toEqual([2.5, 1.118]);
  expect(meanAndDeviation([7], 1)).toEqual([7, 0]);
});
