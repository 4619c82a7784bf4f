// Which rank holds up the others.
import { expect, it } from 'vitest';
import { Stragglers } from './straggler.ts';

const hosts = ['a', 'b', 'c', 'd'];

it('names the slowest rank when it takes much longer than the middle one', () => {
  expect(new Stragglers({ hosts }).note([1, 1.1, 2.5, 0.9])).toBe('rank 2 on c is slow (2.50 s, others 1.00 s)');
  expect(new Stragglers({ hosts }).note([1, 1.4])).toBe('rank 1 on b is slow (1.40 s, others 1.00 s)');
});

it('says nothing of ranks that are about as fast, or of milliseconds', () => {
  expect(new Stragglers({ hosts }).note([0.01, 0.04])).toBeUndefined();
  expect(new Stragglers({ hosts }).note([1, 1.1, 1.2, 0.9])).toBeUndefined();
});

it('waits until a rank is slow for several steps, and forgets it when it is fast again', () => {
  const stragglers = new Stragglers({ hosts });
  const notes = (seconds: number[], steps: number) => Array.from({ length: steps }, () => stragglers.note(seconds));
  expect(notes([1, 1], 5)).toEqual(Array(5).fill(undefined));
  expect(notes([1, 3], 1)).toEqual([undefined]);
  expect(notes([1, 3], 30).at(-1)).toMatch(/^rank 1 on b is slow \(2\.9\d s, others 1\.00 s\)$/);
  expect(notes([1, 1], 60).at(-1)).toBeUndefined();
});
