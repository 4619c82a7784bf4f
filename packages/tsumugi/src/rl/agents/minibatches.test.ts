// Minibatches and sequences: every row once an epoch, full batches, and cuts where episodes end.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { minibatches, type Sequence, sequenceBatches, sequencesOf } from './minibatches.ts';

const stream = () => new RandomStream(0);

it('every epoch has every row once, and batches are full', () => {
  const batches = [...minibatches(10, 4, 2, stream())];
  expect(batches.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4]);
  const rows = batches.flatMap((batch) => [...batch]);
  const sorted = (of: number[]) => [...of].sort((a, b) => a - b);
  const all = Array.from({ length: 10 }, (_, row) => row);
  expect(sorted(rows.slice(0, 10))).toEqual(all);
  expect(sorted(rows.slice(10))).toEqual(all);
  expect(rows.slice(0, 10)).not.toEqual(rows.slice(10));
  expect(rows.slice(0, 10), 'also the first is an order that is drawn').not.toEqual(all);
});

it('a batch that an epoch does not fill goes on with the next order', () => {
  const batches = [...minibatches(3, 4, 1, stream())];
  expect(batches.length).toBe(1);
  expect([...batches[0]!.subarray(0, 3)].sort()).toEqual([0, 1, 2]);
});

it('sequences end with episodes, with the rollout, and at the longest length', () => {
  // Two environments, five steps; environment 0 ends after its second, environment 1 after its last but one.
  const last = Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 1, 0, 0);
  expect(sequencesOf(last, 2)).toEqual([
    { first: 0, length: 2 },
    { first: 4, length: 3 },
    { first: 1, length: 4 },
    { first: 9, length: 1 },
  ]);
  expect(sequencesOf(last, 2, 3).filter(({ first }) => first % 2 === 1)).toEqual([
    { first: 1, length: 3 },
    { first: 7, length: 1 },
    { first: 9, length: 1 },
  ]);
});

it('batches of sequences have exactly so many steps, and each epoch every row once', () => {
  const sequences = [5, 1, 7, 3].map((length, i): Sequence => ({ first: i, length }));
  const batches = [...sequenceBatches(sequences, 4, 6, 2, stream())];
  const rowsOf = (batch: Sequence[]) =>
    batch.flatMap(({ first, length }) => Array.from({ length }, (_, t) => first + 4 * t));
  expect(batches.map((batch) => rowsOf(batch).length)).toEqual([6, 6, 4, 6, 6, 4]);
  expect(rowsOf(batches[0]!.concat(batches[1]!)), 'in another order each time').not.toEqual(
    rowsOf(batches[3]!.concat(batches[4]!)),
  );
  const all = rowsOf(sequences).sort((a, b) => a - b);
  const rows = batches.map(rowsOf);
  expect(
    rows
      .slice(0, 3)
      .flat()
      .sort((a, b) => a - b),
  ).toEqual(all);
  expect(
    rows
      .slice(3)
      .flat()
      .sort((a, b) => a - b),
  ).toEqual(all);
});
