// The mixture: shares are kept at every moment, and rows are counted within their source.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { Mixture } from './mixture.ts';

it.each([[[1]], [[1, 1]], [[3, 1]], [[0.7, 0.2, 0.1]], [[1, 2, 3, 4, 5]]])(
  'keeps the shares of %j to within one row after any number of rows',
  (weights) => {
    const mixture = new Mixture(weights);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const counts = weights.map(() => 0);
    const first = Array.from({ length: 3000 }, (_, index) => mixture.at(index));
    for (let index = 0; index < 3000; index++) {
      const { source, row } = mixture.at(index);
      expect(mixture.at(index)).toEqual(first[index]); // as before, when there were fewer
      expect(row).toBe(counts[source]!++);
      for (const [i, weight] of weights.entries())
        expect(Math.abs(counts[i]! - ((index + 1) * weight) / sum)).toBeLessThanOrEqual(weights.length > 3 ? 1.5 : 1);
    }
    expect(mixture.counts(3000)).toEqual(counts);
    expect(new Mixture(weights).at(2999)).toEqual(mixture.at(2999));
  },
);

it('refuses weights that mean nothing', () => {
  for (const weights of [[], [0], [1, -1], [Number.NaN], [Number.POSITIVE_INFINITY]])
    expect(() => new Mixture(weights), JSON.stringify(weights)).toThrow(ConfigError);
});
