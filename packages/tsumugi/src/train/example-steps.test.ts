// Steps of examples: how they go through, what was gone through before, and how large they are.
import { expect, it } from 'vitest';
import { ExampleSteps } from './example-steps.ts';
import { exampleOf } from './examples.testing.ts';
import { rowsOf } from './step-gradients.ts';

/** Lengths of 4, 8, 12 and 16 tokens, over and over. */
const examples = Array.from({ length: 40 }, (_, i) => {
  const length = 4 * (1 + (i % 4));
  return exampleOf(i + 1, ...Array.from({ length }, (_, k) => (k === 0 ? 1 : -(10 + i))));
});
const make = (layout: 'packed' | 'padded', gradientAccumulation = 1) =>
  new ExampleSteps(examples, { sequenceLength: 16, batchSize: 6, gradientAccumulation, layout, padding: 0, seed: 2 }); // biome-ignore format: settings

/** Tokens of each micro-batch, padding included. */
const sizesOf = ({ batch, microRows }: ReturnType<ExampleSteps['at']>): number[] => {
  const sizes: number[] = [];
  for (let first = 0; first < batch.rows; first += microRows) {
    const { rows, columns } = rowsOf(batch, first, Math.min(microRows, batch.rows - first));
    sizes.push(rows * columns);
  }
  return sizes;
};

it('compute little on padding: rows of their own go through with those of like length, up to the longest of them', () => {
  const lengths = [500, 60, 300, 480, 70, 290, 310, 510, 65, 470, 75, 320];
  const long = lengths.map((length, i) => exampleOf(i + 1, 1, ...Array.from({ length: length - 1 }, () => -(10 + i))));
  const steps = new ExampleSteps(long, { sequenceLength: 512, batchSize: 12, gradientAccumulation: 1, layout: 'padded', padding: 0, seed: 2 }); // biome-ignore format: settings
  const step = steps.at(0);
  expect(sizesOf(step)).toEqual([4 * 510, 4 * 320, 4 * 75]);
  expect(step.tokensSeen).toBe(4 * (510 + 320 + 75));
  expect(steps.sizes(1)).toMatchObject({ largest: { batchSize: 4, sequenceLength: 510 }, meanTokens: step.tokensSeen });
  // Nothing is lost: each example is whole in its rows.
  for (let first = 0; first < 12; first += 4) {
    const part = rowsOf(step.batch, first, 4);
    for (const { example, row } of step.batch.placed.filter(({ row }) => row >= first && row < first + 4)) {
      const from = (row - first) * part.columns;
      expect([...part.tokens.subarray(from, from + example.ids.length)]).toEqual([...example.ids]);
      expect(part.targets[from]).toBe(example.ids[1]);
    }
  }
});

it.each(['packed', 'padded'] as const)('go through in as many micro-batches as are asked for: %s', (layout) => {
  for (const accumulation of [1, 2, 3]) {
    const steps = make(layout, accumulation);
    for (let step = 0; step < 5; step++) {
      const { batch, microRows } = steps.at(step);
      expect(batch.placed).toHaveLength(6 * accumulation);
      expect(Math.ceil(batch.rows / microRows)).toBeLessThanOrEqual(accumulation);
      expect(microRows * accumulation - batch.rows).toBeLessThan(accumulation);
      if (layout === 'padded') expect(microRows).toBe(6);
    }
  }
});

it('count the tokens that have gone through, whatever step is asked for first', () => {
  const [forward, backward] = [make('packed'), make('packed')];
  let tokens = 0;
  const seen = Array.from({ length: 12 }, (_, step) => {
    const { batch, tokensSeen } = forward.at(step);
    tokens += batch.rows * batch.columns;
    expect(tokensSeen).toBe(tokens);
    return tokensSeen;
  });
  for (const step of [11, 3, 0]) expect(backward.at(step).tokensSeen).toBe(seen[step]);
});

it('keep the latest', () => {
  const steps = make('packed');
  expect(steps.at(3)).toBe(steps.at(3));
  expect(steps.at(4)).not.toBe(steps.at(3));
});

it.each(['packed', 'padded'] as const)(
  'tell the largest micro-batch, and what a step takes on average: %s',
  (layout) => {
    const steps = make(layout, 2);
    const all = Array.from({ length: 9 }, (_, step) => steps.at(step));
    const sizes = all.flatMap(sizesOf);
    const { largest, meanTokens, predictedShare } = steps.sizes(9);
    const sum = (of: (step: (typeof all)[number]) => number) => all.reduce((total, step) => total + of(step), 0);
    const tokens = sum((step) => sizesOf(step).reduce((a, b) => a + b));
    expect(predictedShare).toBeCloseTo(sum(({ batch }) => batch.predicted) / tokens, 9);
    expect(largest.batchSize * largest.sequenceLength).toBe(Math.max(...sizes));
    expect(meanTokens).toBeCloseTo(tokens / 9, 9);
  },
);
