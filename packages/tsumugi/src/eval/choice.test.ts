// Each normalisation picks another choice of one answer, worked out by hand.
import { expect, it } from 'vitest';
import { choiceScores, judgeChoice } from './choice.ts';

//            characters  bytes  tokens
// 犬                 1      3       1
// elephant           8      8       2
// 北海道大学         5     15       4
const choices = ['犬', 'elephant', '北海道大学'];
const answer = { logprobs: [-2, -8, -9], tokens: [1, 2, 4] };

it('divides by characters, bytes and tokens, and subtracts the unconditional', () => {
  expect(choiceScores(choices, answer, { logprobs: [-1, -9, -9], tokens: [1, 2, 4] })).toEqual({
    acc: [-2, -8, -9],
    acc_norm: [-2 / 1, -8 / 8, -9 / 5],
    acc_bytes: [-2 / 3, -8 / 8, -9 / 15],
    acc_tokens: [-2 / 1, -8 / 2, -9 / 4],
    acc_pmi: [-1, 1, 0],
  });
});

it('judges the target by each', () => {
  const unconditional = { logprobs: [-1, -9, -9], tokens: [1, 2, 4] };
  const metrics = (target: number) => judgeChoice(choices, target, answer, unconditional).metrics;
  expect(metrics(0)).toEqual({ acc: 1, acc_norm: 0, acc_bytes: 0, acc_tokens: 1, acc_pmi: 0 });
  expect(metrics(1)).toEqual({ acc: 0, acc_norm: 1, acc_bytes: 0, acc_tokens: 0, acc_pmi: 1 });
  expect(metrics(2)).toEqual({ acc: 0, acc_norm: 0, acc_bytes: 1, acc_tokens: 0, acc_pmi: 0 });
  expect(judgeChoice(choices, 0, answer)).toEqual({
    metrics: { acc: 1, acc_norm: 0, acc_bytes: 0, acc_tokens: 1 },
    picked: 0,
  });
});

it('gives ties to the first', () => {
  expect(judgeChoice(['a', 'b'], 1, { logprobs: [-1, -1], tokens: [1, 1] }).metrics.acc).toBe(0);
});

it.each([
  ['NaN', [Number.NaN, -1], [1, 1], 'number 0 has the score NaN'],
  ['a probability of 0', [-1, Number.NEGATIVE_INFINITY], [1, 1], 'number 1 has the score -Infinity'],
  ['no tokens', [-1, -2], [0, 1], 'number 0 has the score -Infinity'],
])('never ranks %s', (_what, logprobs, tokens, message) => {
  expect(() => judgeChoice(['a', 'b'], 0, { logprobs, tokens })).toThrow(message);
});

it('has nothing to rank where there are no choices', () => {
  expect(() => judgeChoice([], 0, { logprobs: [], tokens: [] })).toThrow('there are none');
});

it('counts characters, not the halves of a pair of surrogates', () => {
  const { acc_norm } = choiceScores(['🍣🍣', 'あい'], { logprobs: [-4, -4], tokens: [1, 1] });
  expect(acc_norm).toEqual([-2, -2]);
});
