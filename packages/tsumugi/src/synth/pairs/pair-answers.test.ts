// Which of some scored answers makes a pair with which, by hand.
import { expect, it } from 'vitest';
import { pairAnswers } from './pair-answers.ts';

/** Answers as "a1" (key a, score 1). */
const pairsOf = (answers: string, most?: number) => {
  const all = answers.split(' ');
  const candidates = all.map((each) => ({ key: each[0]!, score: Number(each.slice(1)) }));
  return pairAnswers(candidates, most).map(({ chosen, rejected }) => `${all[chosen]}>${all[rejected]}`);
};

it.each([
  ['a1 b3 c2', 1, ['b3>a1']],
  ['a1 b3 c2 d3 e1', 1, ['b3>a1']], // the first of equals
  ['a1 b1 c1', 1, []],
  ['a1', 1, []],
  ['', 1, []],
  ['a-2 b-0.5', 1, ['b-0.5>a-2']],
  // The same answer again is no other answer, whatever it got.
  ['a1 a3', 1, []],
  ['a1 a3 b2', 1, ['b2>a1']],
  ['a1 b3 c2', 9, ['b3>a1', 'b3>c2', 'c2>a1']],
  ['a1 b3 c2', 2, ['b3>a1', 'b3>c2']],
  // Of equal differences those first whose answers were used least.
  ['a1 b1 c0 d0', 2, ['a1>c0', 'b1>d0']],
  ['a1 b1 c0 d0', 9, ['a1>c0', 'b1>d0', 'a1>d0', 'b1>c0']],
] as const)('%s, at most %i → %j', (answers, most, expected) => {
  expect(pairsOf(answers, most)).toEqual(expected);
});

it('takes the best against the worst unless told otherwise', () => {
  expect(pairsOf('a1 b3 c2')).toEqual(['b3>a1']);
});
