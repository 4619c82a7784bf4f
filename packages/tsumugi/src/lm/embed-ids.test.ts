// Vectors of texts against the mean of hidden states by hand, read in pieces, between other work; and what is refused.
import { describe, expect, it } from 'vitest';
import { atOnce, DataError } from '../base/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import { embedIds, idsRow, initialWeights, Plamo2 } from './index.ts';
import { smallConfig } from './lm.testing.ts';

const model = (dtype: 'float32' | 'float64' = 'float32') => {
  const weights = initialWeights(3);
  return scope(() => new Plamo2(smallConfig(), (name, shape) => weights(name, shape).to(dtype)));
};
const ids = Array.from({ length: 23 }, (_, i) => (i * 97 + 13) % 300);

/** Σ of the rows of `forward` without a cache, divided by their number and by the length of that. */
function byHand(built: Plamo2, text: readonly number[]): number[] {
  const rows = noGrad(() => scope(() => built.forward(idsRow(text)).squeeze(0).tolist() as number[][]));
  const mean = rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length);
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}

describe('a vector of a text', () => {
  it.each([
    ['float32', 2e-6],
    ['float64', 1e-12],
  ] as const)('is the mean of its hidden states, of length 1, in pieces of any length: %s', (dtype, tolerance) => {
    using built = model(dtype);
    const expected = byHand(built, ids);
    for (const chunk of [1, 4, 23, 256]) {
      const vector = atOnce(embedIds(built, ids, { chunk }));
      expect(vector.length).toBe(64);
      for (const [d, value] of expected.entries())
        expect(Math.abs(vector[d]! - value), `${chunk}, ${d}`).toBeLessThan(tolerance);
    }
  });

  it('has the same bits whatever is read between its pieces', () => {
    using built = model();
    const alone = atOnce(embedIds(built, ids, { chunk: 5 }));
    const [first, second] = [embedIds(built, ids, { chunk: 5 }), embedIds(built, ids.slice(3), { chunk: 4 })];
    for (;;) {
      const step = first.next();
      if (step.done) {
        expect(step.value).toEqual(alone);
        break;
      }
      second.next();
    }
    second.return(new Float64Array());
  });

  it('is refused for no tokens and for ids that there are not', () => {
    using built = model();
    expect(() => atOnce(embedIds(built, []))).toThrow(DataError);
    expect(() => atOnce(embedIds(built, [1, 300]))).toThrow('id 300 at position 1');
    expect(() => atOnce(embedIds(built, [1], { chunk: 0 }))).toThrow('chunk must be a whole number');
  });

  it('says which weight is not finite', () => {
    using built = model();
    noGrad(() => built.model.norm.weight.fill_(Number.NaN));
    expect(() => atOnce(embedIds(built, ids))).toThrow('model.norm.weight');
  });
});
