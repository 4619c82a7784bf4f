// The Fréchet distance against closed forms and against SciPy's matrix square root.
import { describe, expect, it } from 'vitest';
import { ShapeError, UserError } from '../../base/index.ts';
import { expectClose } from '../../nn/nn.testing.ts';
import { eye, Rng, randn, scope, stack, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { frechetDistance, frechetOf, Moments } from './frechet.ts';
import { waves } from './scores.testing.ts';

function momentsOf(...batches: Tensor[]): Moments {
  const moments = new Moments(batches[0]!.size(1));
  for (const batch of batches) moments.add(batch);
  return moments;
}

describe('Moments', () => {
  it('are mean and covariance, by hand', () => {
    scope(() => {
      using moments = momentsOf(tensor([[1, 2], [3, 2], [5, 8]])); // biome-ignore format: rows
      expect(moments.mean.tolist()).toEqual([3, 4]);
      expectClose(moments.covariance(), tensor([[4, 6], [6, 12]], { dtype: 'float64' }), 1e-14); // biome-ignore format: rows
      expect([moments.n, moments.isRankDeficient]).toEqual([3, false]);
    });
  });

  it('have no covariance of fewer than two images, and say so', () => {
    scope(() => {
      using one = momentsOf(tensor([[1, 2]]));
      using none = new Moments(2);
      expect(() => one.covariance()).toThrow(UserError);
      expect(() => frechetDistance(one, one)).toThrow(/^a covariance needs two images at least, and there is one/);
      expect(() => none.covariance()).toThrow(/and there are none/);
    });
  });

  it('do not depend on how the features are cut, nor on a large offset', () => {
    scope(() => {
      const rows = waves(40, 6, 1).add(1e6);
      using whole = momentsOf(rows);
      using batches = momentsOf(rows.narrow(0, 0, 7), rows.narrow(0, 7, 1), rows.narrow(0, 8, 32));
      using merged = momentsOf(rows.narrow(0, 0, 25));
      using rest = momentsOf(rows.narrow(0, 25, 15));
      merged.merge(rest);
      using centred = momentsOf(waves(40, 6, 1));
      for (const each of [batches, merged]) {
        expect(each.n).toBe(40);
        expectClose(each.mean, whole.mean, 1e-14);
        expectClose(each.covariance(), whole.covariance(), 1e-8);
      }
      expectClose(whole.covariance(), centred.covariance(), 1e-7);
    });
  });

  it('come back from what was kept, and refuse other features', () => {
    scope(() => {
      using moments = momentsOf(waves(9, 3, 1));
      using again = Moments.from(moments.n, moments.mean, moments.scatter);
      expect(frechetDistance(moments, again).value).toBeCloseTo(0, 12);
      expect(() => moments.add(waves(2, 4, 1))).toThrow(ShapeError);
    });
  });
});

describe('frechetDistance', () => {
  it('has the closed form of diagonal covariances: Σ (m₀−m₁)² + (s₀−s₁)²', () => {
    scope(() => {
      const f64 = { dtype: 'float64' } as const;
      const diagonal = (values: number[]) => eye(values.length, f64).mul(tensor(values, f64));
      const { value, meanPart, covariancePart } = frechetOf(
        tensor([1, 0, 2], f64),
        diagonal([4, 9, 0]),
        tensor([0, 0, 4], f64),
        diagonal([1, 25, 16]),
      );
      expect(meanPart).toBe(5);
      expect(covariancePart).toBeCloseTo(1 + 4 + 16, 12);
      expect(value).toBeCloseTo(26, 12);
    });
  });

  it('has the closed form of two by two: tr √M = √(tr M + 2√det M)', () => {
    scope(() => {
      const [A, B] = [tensor([[2, 1], [1, 3]]), tensor([[5, -2], [-2, 1]])]; // biome-ignore format: rows
      const M = A.mm(B);
      const trace = M.diagonal().sum().item();
      const det = 5 * 1; // det A · det B
      const zero = zeros([2]);
      expect(frechetOf(zero, A, zero, B).value).toBeCloseTo(5 + 6 - 2 * Math.sqrt(trace + 2 * Math.sqrt(det)), 12);
    });
  });

  it('agrees with SciPy 1.17', () => {
    scope(() => {
      using a = momentsOf(waves(40, 6, 1));
      using b = momentsOf(waves(30, 6, 2.5));
      expect(frechetDistance(a, b).value).toBeCloseTo(7.761259529546061, 10);
      expect(frechetDistance(b, a).value).toBeCloseTo(7.761259529546061, 10);
    });
  });

  it('takes covariances without full rank, where SciPy loses half the digits', () => {
    scope(() => {
      using a = momentsOf(waves(40, 12, 1));
      using few = momentsOf(waves(5, 12, 2.5));
      expect(few.isRankDeficient).toBe(true);
      expect(frechetDistance(a, few).value).toBeCloseTo(88.20716849273371, 5);
      // Of a set with itself it is zero, whatever the rank.
      expect(frechetDistance(few, few).value).toBeLessThan(1e-12);
      // Two covariances in subspaces that do not meet: the root of their product is zero.
      const [C0, C1] = [[1, 0], [0, 7]].map((d) => eye(2, { dtype: 'float64' }).mul(tensor(d))) as [Tensor, Tensor]; // biome-ignore format: diagonals
      expect(frechetOf(zeros([2]), C0, zeros([2]), C1).value).toBe(8);
      expect(frechetOf(zeros([2]), C0.mul(0), zeros([2]), C1).value).toBe(7);
    });
  });

  it('does not change when the space is turned, and grows by the square of a shift', () => {
    scope(() => {
      const generator = new Rng(3);
      const [x, y] = [randn([50, 8], generator), randn([60, 8], generator).mul(1.5)];
      const turn = randn([8, 8], generator, { dtype: 'float64' });
      // Gram–Schmidt of a random matrix.
      const rows: Tensor[] = [];
      for (const row of turn.unbind(0)) {
        const rest = rows.reduce((r, q) => r.sub(q.mul(q.dot(r))), row);
        rows.push(rest.div(rest.square().sum().sqrt()));
      }
      const Q = stack(rows);
      using a = momentsOf(x);
      using b = momentsOf(y);
      using turned = momentsOf(x.to('float64').mm(Q));
      using both = momentsOf(y.to('float64').mm(Q));
      expect(frechetDistance(turned, both).value).toBeCloseTo(frechetDistance(a, b).value, 9);
      using shifted = momentsOf(x.add(2));
      expect(frechetDistance(a, shifted).value).toBeCloseTo(4 * 8, 4);
    });
  });

  it('names moments that are not finite', () => {
    scope(() => {
      const broken = eye(3, { dtype: 'float64' });
      broken.narrow(0, 1, 1).fill_(Number.NaN);
      expect(() => frechetOf(zeros([3]), eye(3), zeros([3]), broken)).toThrow(
        /NaN or infinity in row 1 of the second covariance/,
      );
      expect(() => frechetOf(zeros([3]).div(0), eye(3), zeros([3]), eye(3))).toThrow(/row 0 of the first mean/);
    });
  });

  it('names the shapes that do not fit', () => {
    scope(() => expect(() => frechetOf(zeros([3]), eye(3), zeros([2]), eye(3))).toThrow(/means \[3\].*got mean \[2\]/));
  });
});
