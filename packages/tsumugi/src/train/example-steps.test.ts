// Steps of examples: how they go through, what was gone through before, and how large they are.
import { expect, it } from 'vitest';
import { ExampleSteps } from './example-steps.ts';
import { exampleOf } from './examples.testing.ts';

/** Lengths of 4, 8, 12 and 16 tokens, over and over. */
const examples = Array.from({ length: 40 }, (_, i) => {
  const length = 4 * (1 + (i % 4));
  return exampleOf(i + 1, ...Array.from({ length }, (_, k) => (k === 0 ? 1 : -(10 + i))));
});
const make = (layout: 'packed' | 'padded', gradientAccumulation = 1) =>
  new ExampleSteps(examples, { sequenceLength: 16, batchSize: 6, gradientAccumulation, layout, padding: 0, seed: 2 }); // biome-ignore format: settings

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
    const sizes = all.map(({ batch, microRows }) => microRows * batch.columns);
    const { largest, meanTokens, predictedShare } = steps.sizes(9);
    const sum = (of: (step: (typeof all)[number]) => number) => all.reduce((total, step) => total + of(step), 0);
    const tokens = sum(({ batch }) => batch.rows * batch.columns);
    expect(predictedShare).toBeCloseTo(sum(({ batch }) => batch.predicted) / tokens, 9);
    expect(largest.batchSize * largest.sequenceLength).toBe(Math.max(...sizes));
    expect(meanTokens).toBeCloseTo(tokens / 9, 9);
  },
);
