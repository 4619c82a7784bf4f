// F1 over lines, by hand-computed cases.
import { expect, it } from 'vitest';
import { setF1 } from './set-f1.ts';

it.each([
  ['a\nb', 'b\na', 1, 'order does not matter'],
  ['a\na\n b ', 'a\nb', 1, 'repeated lines of the answer count once'],
  ['a\nc', 'a\nb\nd', 0.4, 'precision 1/2, recall 1/3'],
  ['a', 'a\na', 2 / 3, 'repeated lines of the target count twice'],
  ['x', 'y', 0, 'nothing in common'],
  ['', '', 1, 'one empty line each'],
])('of %j and %j is %d (%s)', (answer, target, score) => {
  expect(setF1(answer, target)).toBeCloseTo(score, 12);
});
