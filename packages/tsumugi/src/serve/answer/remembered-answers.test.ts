// What is remembered of answers: by all that stands before them, within a limit.
import { expect, it } from 'vitest';
import { RememberedAnswers } from './remembered-answers.ts';

it('finds an answer by its model, what stands before it and its text', () => {
  const remembered = new RememberedAnswers();
  remembered.put('a', [1, 2], '晴れ', [7, 8]);
  expect(remembered.get('a', [1, 2], '晴れ')).toEqual([7, 8]);
  for (const [model, before, text] of [
    ['b', [1, 2], '晴れ'],
    ['a', [1, 3], '晴れ'],
    ['a', [1, 2], '雨'],
  ] as const)
    expect(remembered.get(model, before, text)).toBeUndefined();
});

it('forgets what was not used for longest', () => {
  const remembered = new RememberedAnswers(350);
  for (const text of ['a', 'b', 'c']) remembered.put('m', [1], text, [1, 2, 3]);
  remembered.get('m', [1], 'a');
  remembered.put('m', [1], 'd', [4, 5, 6]);
  expect(['a', 'b', 'c', 'd'].map((text) => remembered.get('m', [1], text) !== undefined)).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

it('holds few short answers rather than many: they take room besides their ids', () => {
  const remembered = new RememberedAnswers(100_000);
  for (let i = 0; i < 5000; i++) remembered.put('m', [i], 'x', [1]);
  expect(remembered.size).toBeLessThan(1000);
  for (let i = 0; i < 5000; i++) remembered.put('m', [1], 'x', [1]); // The same one again takes no more.
  expect(remembered.size).toBeGreaterThan(900);
});
