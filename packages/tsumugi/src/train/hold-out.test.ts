// What is held out of the examples.
import { expect, it } from 'vitest';
import { exampleOf, someExamples } from './examples.testing.ts';
import { holdOut } from './hold-out.ts';

const examples = someExamples(200, 90);
const idsOf = ({ ids }: { ids: Int32Array }) => ids;
const rows = (some: readonly { source: { row: number } }[]) => some.map(({ source }) => source.row);

it('is a share of them, and the rest is learned from, in its order', () => {
  const { examples: kept, heldOut } = holdOut(examples, 0.1, 0, idsOf);
  expect([kept.length, heldOut.length]).toEqual([180, 20]);
  expect([...rows(kept), ...rows(heldOut)].toSorted((a, b) => a - b)).toEqual(rows(examples));
  expect(rows(kept)).toEqual(rows(kept).toSorted((a, b) => a - b));
});

it('follows from the seed and each example itself, wherever it stands', () => {
  const chosen = (some: typeof examples, seed = 0) =>
    rows(holdOut(some, 0.1, seed, idsOf).heldOut).toSorted((a, b) => a - b);
  expect(chosen(examples.toReversed())).toEqual(chosen(examples));
  expect(chosen(examples, 1)).not.toEqual(chosen(examples));
});

it('is one at least, and leaves one at least', () => {
  for (const share of [0.001, 0.999]) {
    const { examples: kept, heldOut } = holdOut(examples.slice(0, 3), share, 0, idsOf);
    expect([kept.length, heldOut.length]).toEqual(share < 0.5 ? [2, 1] : [1, 2]);
  }
});

it('never holds an example out that is learned from, though it is there twice', () => {
  const twice = [...examples.slice(0, 20), ...someExamples(20, 90)];
  const { examples: kept, heldOut } = holdOut(twice, 0.3, 0, idsOf);
  expect(heldOut).toHaveLength(12);
  const learned = new Set(kept.map(({ ids }) => String(ids)));
  expect(heldOut.filter(({ ids }) => learned.has(String(ids)))).toEqual([]);
});

it('needs examples that differ', () => {
  expect(() => holdOut([exampleOf(1, 1, -2), exampleOf(2, 1, -2)], 0.1, 0, idsOf)).toThrow(
    /the data has 2 examples, all alike: too few to hold some out/,
  );
});
