// Steps of examples: which they are, how they lie in rows, what is predicted, and what becomes of those that do not fit.
import { describe, expect, it } from 'vitest';
import { DataError } from '../base/index.ts';
import type { Example } from './chat/example.ts';
import { ExampleBatches, type ExampleBatchesOptions } from './example-batches.ts';
import { IGNORED } from './rows.ts';

/** Tokens with their learned ones in negative numbers. */
const example = (row: number, ...ids: number[]): Example => ({
  ids: Int32Array.from(ids, Math.abs),
  learned: Uint8Array.from(ids, (id) => (id < 0 ? 1 : 0)),
  source: { file: '会話.jsonl', row },
});
/** Examples of these lengths, each of tokens of its own; the second half is learned. */
const ofLengths = (...lengths: number[]) =>
  lengths.map((length, k) =>
    example(k + 1, ...Array.from({ length }, (_, i) => (100 * (k + 1) + i) * (i >= length / 2 ? -1 : 1))),
  );
const make = (examples: readonly Example[], changes: Partial<ExampleBatchesOptions> = {}) =>
  new ExampleBatches(examples, { sequenceLength: 16, batchSize: 2, seed: 3, ...changes });
const X = IGNORED;
const rowsOf = (array: Int32Array, columns: number) =>
  Array.from({ length: array.length / columns }, (_, row) => [...array.subarray(row * columns, (row + 1) * columns)]);

describe('a batch', () => {
  it('is written by hand: padded', () => {
    const batches = make([example(1, 1, 5, -6, -2)], { batchSize: 1, layout: 'padded' });
    const { rows, columns, tokens, targets, documents, predicted } = batches.batch(0);
    expect([rows, columns, predicted]).toEqual([1, 4, 2]);
    expect([...tokens]).toEqual([1, 5, 6, 2]);
    expect([...targets]).toEqual([X, 6, 2, X]);
    expect([...documents]).toEqual([0, 0, 0, 0]);
  });

  it('is written by hand: several turns, packed and padded', () => {
    // A first token that is to be learned has nothing before it.
    const two = [example(1, -1, 5, -6, 7, -8), example(2, 1, -9, -2)];
    const order = make(two, { layout: 'padded' }).batch(0);
    const rows = rowsOf(order.tokens, order.columns);
    expect(rows.toSorted((a, b) => b[1]! - a[1]!)).toEqual([[1, 9, 2, 0, 0], [1, 5, 6, 7, 8]]); // biome-ignore format: rows
    const [long, short] = rows[0]![1] === 5 ? [0, 1] : [1, 0];
    const targets = rowsOf(order.targets, 5);
    expect(targets[long]).toEqual([X, 6, X, 8, X]);
    expect(targets[short]).toEqual([9, 2, X, X, X]);
    expect(order.predicted).toBe(4);
    expect([...order.documents]).toEqual(Array(10).fill(0));

    const packed = make(two, { sequenceLength: 9 }).batch(0);
    expect([packed.rows, packed.columns, packed.predicted]).toEqual([1, 8, 4]); // no longer than what is in it
    expect([...packed.tokens]).toEqual([1, 5, 6, 7, 8, 1, 9, 2]);
    expect([...packed.targets]).toEqual([X, 6, X, 8, X, 9, 2, X]);
    expect([...packed.documents]).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    expect(packed.placed.map(({ example, row, column }) => [example.source.row, row, column])).toEqual([
      [1, 0, 0],
      [2, 0, 5],
    ]);
  });

  it('fills rows by best fit, and pads with what is asked for, in the document before it', () => {
    const batches = make(ofLengths(10, 9, 6, 5, 3), { batchSize: 5, padding: 77 });
    const batch = batches.batch(0);
    // 10 + 6 fill a row; 9 + 5 leaves room for two tokens, 3 is alone.
    const lengths = Array.from({ length: batch.rows }, (_, row) =>
      batch.placed.filter((each) => each.row === row).map(({ example }) => example.ids.length),
    );
    expect(lengths).toEqual([[10, 6], [9, 5], [3]]);
    expect([batch.rows, batch.columns]).toEqual([3, 16]);
    const last = (array: Int32Array) => rowsOf(array, 16)[2]!.slice(3);
    expect(last(batch.tokens)).toEqual(Array(13).fill(77));
    expect(last(batch.targets)).toEqual(Array(13).fill(X));
    expect(last(batch.documents)).toEqual(Array(13).fill(0));
    expect(rowsOf(batch.documents, 16)[1]!.slice(13)).toEqual([1, 1, 1]);
  });
});

/** What is predicted from which tokens of the same document, whatever the layout. */
function predictions(batches: ExampleBatches, step: number): string[] {
  const { rows, columns, tokens, targets, documents } = batches.batch(step);
  const found: string[] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      if (targets[at] === X) continue;
      let from = at;
      while (from > row * columns && documents[from - 1] === documents[at]) from--;
      found.push(`${[...tokens.subarray(from, at + 1)]} → ${targets[at]}`);
    }
  return found.sort();
}

describe('the examples of a step', () => {
  const examples = ofLengths(10, 9, 6, 5, 3, 8, 2);

  it('are those of any layout, and of any order of asking', () => {
    const [packed, padded] = [make(examples, { batchSize: 3 }), make(examples, { batchSize: 3, layout: 'padded' })];
    for (const step of [5, 0, 1, 2, 3, 4]) {
      const [a, b] = [packed, padded].map((each) => predictions(each, step));
      expect(a).toEqual(b);
      expect(a).toHaveLength(packed.batch(step).predicted);
      expect(a).toHaveLength(packed.predictedIn(step));
      expect(packed.batch(step)).toEqual(make(examples, { batchSize: 3 }).batch(step));
      const { rows, columns } = packed.batch(step);
      expect(packed.shapeOf(step)).toEqual({ rows, columns });
    }
  });

  const rowsIn = (batches: ExampleBatches, step: number) =>
    batches
      .batch(step)
      .placed.toSorted((a, b) => a.position - b.position)
      .map(({ example }) => example.source.row);

  it('are every example once in an epoch, in another order in the next', () => {
    const batches = make(examples, { batchSize: 3 });
    const all = Array.from({ length: 7 }, (_, step) => rowsIn(batches, step)).flat();
    const epochs = [0, 1, 2].map((epoch) => all.slice(7 * epoch, 7 * epoch + 7));
    for (const epoch of epochs) expect(epoch.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(epochs.map(String)).size).toBe(3);
    expect(String(rowsIn(make(examples, { batchSize: 7, seed: 4 }), 0))).not.toBe(String(epochs[0]));
    expect([batches.epochAt(7), batches.stepsOf(1), batches.stepsOf(3), batches.stepsOf(0.1)]).toEqual([3, 3, 7, 1]);
  });

  it('may be more than there are', () => {
    const batches = make(ofLengths(4, 6), { batchSize: 5 });
    expect(rowsIn(batches, 0).slice(0, 2).toSorted()).toEqual([1, 2]);
    expect(rowsIn(batches, 0).slice(2, 4).toSorted()).toEqual([1, 2]);
  });
});

describe('examples that do not fit', () => {
  const some = [example(1, 1, 2, -3), example(2, 1, 2, 3, 4, -5, -6), example(3, 1, 2, 3, 4, 5, 6, -7)];

  it.each<[string, Example[], RegExp]>([
    [
      'longer than a row',
      some,
      /2 of 3 examples are longer than a row of 5 tokens, the first in 会話.jsonl, row 2 with 6 tokens\n.*sequenceLength=7,/,
    ],
    ['one longer than a row', some.slice(0, 2), /1 of 2 example is longer than a row of 5 tokens, .* row 2 with 6/],
    [
      'nothing to predict',
      [example(1, 1, -2), example(2, -1), example(3, 1, 2)],
      /2 of 3 examples are without a token to predict, the first in 会話.jsonl, row 2 with 1 tokens/,
    ],
    ['none', [], /there are no examples/],
  ])('are refused by file and row: %s', (_, examples, problem) => {
    const making = () => make(examples, { sequenceLength: 5 });
    expect(making).toThrow(DataError);
    expect(making).toThrow(problem);
  });

  it('may fill a row', () => {
    expect(make(some, { sequenceLength: 7 }).batch(0).columns).toBeLessThanOrEqual(7);
  });

  it('ask for options that exist', () => {
    expect(() => make(some, { layout: 'dense' as never })).toThrow(/layout/);
    expect(() => make(some, { batchSize: 0 })).toThrow(/batchSize/);
    expect(() => make(some).batch(-1)).toThrow(/step/);
    expect(() => make(some, { packing: true } as never)).toThrow(/there is no option "packing"/);
  });
});
