// Which rank holds up the others.
import { expect, it } from 'vitest';
import { stragglerNote } from './straggler.ts';

const hosts = ['a', 'b', 'c', 'd'];

it('names the slowest rank when it takes much longer than the middle one', () => {
  expect(stragglerNote({ hosts }, [1, 1.1, 2.5, 0.9])).toBe('rank 2 on c is slow (2.50 s, others 1.00 s)');
  expect(stragglerNote({ hosts }, [1, 1.4])).toBe('rank 1 on b is slow (1.40 s, others 1.00 s)');
});

it('says nothing of ranks that are about as fast, or of one', () => {
  expect(stragglerNote({ hosts }, [1, 1.1, 1.2, 0.9])).toBeUndefined();
  expect(stragglerNote({ hosts }, [1])).toBeUndefined();
  expect(stragglerNote({ hosts })).toBeUndefined();
});
