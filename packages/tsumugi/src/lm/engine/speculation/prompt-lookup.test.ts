// Guesses out of the text itself.
import { expect, it } from 'vitest';
import { ConfigError } from '../../../base/index.ts';
import { thrown } from '../../../base/thrown.testing.ts';
import { PromptLookup } from './prompt-lookup.ts';

it('proposes what stood behind the same tokens, the last time that they came', () => {
  const lookup = new PromptLookup({ longest: 2, shortest: 2, most: 3 });
  expect(lookup.propose([1, 2, 3, 4, 5, 1, 2], 9)).toEqual([3, 4, 5]);
  expect(lookup.propose([1, 2, 3, 4, 5, 1, 2, 7, 1, 2], 9)).toEqual([7, 1, 2]);
  expect(lookup.propose([1, 2, 3, 4, 5, 1, 2, 7, 1, 2, 9], 9)).toEqual([]);
});

it('prefers the longest run, and takes shorter ones down to the shortest', () => {
  const ids = [1, 2, 3, 8, 9, 2, 3, 7, 7, 1, 2, 3];
  expect(new PromptLookup({ longest: 3 }).propose(ids, 1)).toEqual([8]);
  expect(new PromptLookup({ longest: 2 }).propose(ids, 1)).toEqual([7]);
  expect(new PromptLookup({ longest: 2, shortest: 2 }).propose([1, 5, 2, 5], 1)).toEqual([]);
  expect(new PromptLookup({ longest: 2, shortest: 1 }).propose([1, 5, 2, 5], 1)).toEqual([2]);
});

it('proposes no more than is asked, than it has, and than there is', () => {
  const ids = [1, 2, 3, 4, 1, 2];
  expect(new PromptLookup({ most: 1 }).propose(ids, 5)).toEqual([3]);
  expect(new PromptLookup().propose(ids, 2)).toEqual([3, 4]);
  expect(new PromptLookup().propose(ids, 0)).toEqual([]);
  expect(new PromptLookup().propose([1, 1, 1], 5)).toEqual([1]);
  expect(new PromptLookup().propose([1], 5)).toEqual([]);
  expect(new PromptLookup().propose([], 5)).toEqual([]);
});

it('is the same whether a text comes at once or token by token', () => {
  const ids = Array.from({ length: 300 }, (_, i) => (i * i) % 7);
  const growing = new PromptLookup();
  for (let length = 1; length <= ids.length; length++)
    expect(growing.propose(ids.slice(0, length), 4)).toEqual(new PromptLookup().propose(ids.slice(0, length), 4));
});

it.each([{ most: 0 }, { longest: 0 }, { shortest: 5 }, { longest: 1, shortest: 2 }, { most: 1.5 }, { n: 3 }])(
  'refuses %j',
  (options) => {
    thrown(ConfigError, () => new PromptLookup(options as never));
  },
);
