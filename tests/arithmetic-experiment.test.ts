// The experiment on sums: problems and answers, the entropy of answers. Its runs: tests/long/experiments/arithmetic.long.ts.
import { RandomStream } from 'tsumugi/base';
import type { LanguageModel } from 'tsumugi/lm';
import { type Tensor, tensor } from 'tsumugi/torch';
import { expect, it } from 'vitest';
import { answerEntropy } from '../recipes/experiments/answer-entropy.ts';
import { finalAnswer, isRight, newProblems, workedAnswer } from '../recipes/experiments/sums.ts';

it('has problems that are all different, and answers whose steps are right and use up what is there', () => {
  const random = new RandomStream(3);
  const taken = new Set(['1+1=']);
  const problems = newProblems(random, { least: 2, most: 3, largest: 5 }, 100, taken);
  expect(taken.size).toBe(101);
  for (const problem of problems) {
    expect(problem.prompt).toBe(`${problem.numbers.join('+')}=`);
    const answer = workedAnswer(random, problem);
    const left = [...problem.numbers];
    for (const step of answer.split(' ')) {
      const [a, b, sum] = step.split(/[+=]/).map(Number) as [number, number, number];
      for (const used of [a, b]) {
        expect(left).toContain(used);
        left.splice(left.indexOf(used), 1);
      }
      expect(sum).toBe(a + b);
      left.push(sum);
    }
    expect(left).toHaveLength(1);
    expect(isRight(problem, answer)).toBe(true);
  }
  const [three] = problems.filter(({ numbers }) => numbers.length === 3);
  expect(new Set(Array.from({ length: 200 }, () => workedAnswer(random, three!))).size).toBeGreaterThan(5);
});

it('takes the last number for the answer', () => {
  const problem = { prompt: '17+5=', numbers: [17, 5] };
  expect(isRight(problem, '17+5=22')).toBe(true);
  expect(isRight(problem, '17+5=21 17+5=22')).toBe(true);
  for (const wrong of ['17+5=22 ', '17+5=22 1', '17+5=122', '22', '', '17+5='])
    expect(isRight(problem, wrong)).toBe(false);
  expect(finalAnswer('1+2=3 3+4=7')).toBe('7');
  expect(finalAnswer('1+2=3 3+')).toBeUndefined();
});

it('estimates the entropy of answers at the temperature they were drawn with', () => {
  // What comes after a token depends on that token alone: one of three.
  const table = [[0, 1, 3], [2, 0.5, 0], [-1, 0, 1]]; // biome-ignore format: a table
  const model = {
    parameterDevice: 'cpu',
    forward: (ids: Tensor) =>
      tensor(table.flat(), { shape: [3, 3] })
        .indexSelect(0, ids.flatten())
        .reshape([...ids.shape, 3]),
    logits: (hidden: Tensor) => hidden,
  } as unknown as LanguageModel;
  const prompts = [[0, 1], [2]];
  const answers = [[[0, 2], [1, 1, 0, 2]], [[2], [0, 2]]]; // biome-ignore format: by prompt
  for (const temperature of [1, 0.8]) {
    const sequences: number[] = [];
    const entropies: number[] = [];
    for (const [i, prompt] of prompts.entries())
      for (const answer of answers[i]!) {
        let last = prompt.at(-1)!;
        let surprise = 0;
        for (const id of answer) {
          const weights = table[last]!.map((logit) => Math.exp(logit / temperature));
          const shares = weights.map((weight) => weight / weights.reduce((a, b) => a + b));
          surprise -= Math.log(shares[id]!);
          entropies.push(-shares.reduce((sum, share) => sum + share * Math.log(share), 0));
          last = id;
        }
        sequences.push(surprise);
      }
    const found = answerEntropy(model, prompts, answers, temperature);
    expect(found.sequence).toBeCloseTo(sequences.reduce((a, b) => a + b) / sequences.length, 5);
    expect(found.token).toBeCloseTo(entropies.reduce((a, b) => a + b) / entropies.length, 5);
  }
});
