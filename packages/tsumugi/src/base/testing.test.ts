// The judge of learning tests: values near the bound, spread wide, or not a number are not passed.
import { expect, it } from 'vitest';
import { type Bound, expectOverSeeds } from './base.testing.ts';

const judged = (values: number[], bound: Bound, all = true) =>
  expectOverSeeds((seed) => values[seed - 1]!, bound, [1, 2, 3], all);

it('asks for a margin of twice the spread, on the right side', async () => {
  expect(await judged([1, 2, 3], { below: 6 })).toEqual([1, 2, 3]);
  await expect(judged([1, 2, 3], { below: 5.9 })).rejects.toThrow(
    /mean 2\.000, spread 2\.00, to be below 5\.9: 1\.000 \(seed 1\), 2\.000 \(seed 2\)/,
  );
  await judged([3, 4, 5], { above: 0 });
  await expect(judged([3, 4, 5], { above: 0.1 })).rejects.toThrow(/above 0\.1/);
  await expect(judged([1, 1, 1], { below: 1 })).rejects.toThrow(/margin/);
  await expect(judged([1, Number.NaN, 1], { below: 9 })).rejects.toThrow(/NaN/);
  await expect(expectOverSeeds(() => 1, { below: 9 }, [1, 2])).rejects.toThrow(/seeds/);
});

it('asks where there is little time that the first seed clears the bound', async () => {
  expect(await judged([1, 9, 9], { below: 2 }, false)).toEqual([1]);
  for (const first of [2, 3, Number.NaN])
    await expect(judged([first, 1, 1], { below: 2 }, false)).rejects.toThrow(/margin/);
});
