// Lists of cores, and their shares.
import { expect, it } from 'vitest';
import { readCoreList, shareOf, writeCoreList } from './cores.ts';

it.each([
  ['0', [0]],
  ['0-2,8', [0, 1, 2, 8]],
  ['1,3,5', [1, 3, 5]],
])('%s is a list of cores', (text, cores) => {
  expect(readCoreList(`${text}\n`)).toEqual(cores);
  expect(writeCoreList(cores.toReversed())).toBe(text);
});

it('shares out all of them, in turn', () => {
  const cores = [0, 4, 1, 5, 2];
  for (const count of [1, 2, 3, 5]) {
    const shares = Array.from({ length: count }, (_, i) => shareOf(cores, i, count));
    expect(shares.flat()).toEqual(cores);
    const sizes = shares.map(({ length }) => length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(2);
  }
});
