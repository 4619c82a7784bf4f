// What methods see of a text: sums over all of it, and tokens spread evenly over it.
import { expect, it } from 'vitest';
import { Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { Hessian } from './gptq.ts';
import { InputSample } from './input-sample.ts';

/** Rows that say their place: [1, n, 2], the second column with signs in turn. */
const numbered = (from: number, n: number): Tensor =>
  tensor(Array.from({ length: n }, (_, i) => [from + i, (from + i) * (-1) ** i])).unsqueeze(0);

it('samples every so many tokens, whatever the pieces of the text are', () => {
  scope(() => {
    using sample = new InputSample(2048); // every fourth
    let from = 0;
    for (const n of [3, 6, 1, 1, 9]) {
      sample.add(numbered(from, n));
      from += n;
    }
    expect((sample.sample().tolist() as number[][]).map(([place]) => place)).toEqual([0, 4, 8, 12, 16]);
    // mean |x| over all 20 rows, not over the sampled ones.
    expect(sample.means().tolist()).toEqual([9.5, 9.5]);
  });
});

it('takes all tokens of a short text', () => {
  scope(() => {
    using sample = new InputSample(1023);
    sample.add(numbered(0, 5));
    expect(sample.sample().size(0)).toBe(5);
  });
});

it('has one Hessian for all pieces of a text: 2/n · Σ x xᵀ', () => {
  scope(() => {
    const x = randn([7, 3], new Rng(1));
    using whole = new Hessian(3);
    using pieces = new Hessian(3);
    whole.add(x);
    pieces.add(x.narrow(0, 0, 2).unsqueeze(0));
    pieces.add(x.narrow(0, 2, 5));
    const rows = x.tolist() as number[][];
    const byHand = [0, 1, 2].map((i) =>
      [0, 1, 2].map((j) => (2 / 7) * rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    );
    for (const hessian of [whole, pieces])
      for (const [i, row] of (hessian.value().tolist() as number[][]).entries())
        for (const [j, value] of row.entries()) expect(value).toBeCloseTo(byHand[i]![j]!, 5);
  });
});
