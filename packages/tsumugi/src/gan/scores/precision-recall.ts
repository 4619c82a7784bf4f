// Precision and recall of generated images: what share of the fakes lies in the real images' manifold, and the other way
// round. A set's manifold is the union of balls around its points, each as wide as the distance to the k-th neighbour.
// Kynkäänniemi et al. 2019, arXiv 1904.06991 (k = 3).
import { ConfigError, ShapeError } from '../../base/index.ts';
import { cat, scope, type Tensor } from '../../torch/index.ts';
import { requireFiniteFeatures } from '../not-finite.ts';

/** Squared distances [n, m] of rows [n, D] and [m, D], float64. */
function squaredDistances(x: Tensor, y: Tensor): Tensor {
  const squares = (z: Tensor) => z.square().sum(-1, true);
  return x.mm(y.t()).mul(-2).add(squares(x)).add(squares(y).t()).clamp(0);
}

/** Blocks of rows, so that only `block` × n distances exist at one time. */
function* blocks(n: number, block: number): Generator<[from: number, length: number]> {
  for (let from = 0; from < n; from += block) yield [from, Math.min(block, n - from)];
}

/** Each row's squared distance to its k-th nearest other row: [n]. */
function squaredRadii(rows: Tensor, k: number, block: number): Tensor {
  const parts = Array.from(blocks(rows.size(0), block), ([from, length]) =>
    scope(() => {
      const distances = squaredDistances(rows.narrow(0, from, length), rows);
      // A row is no neighbour of its own.
      distances.narrow(1, from, length).diagonal().fill_(Number.POSITIVE_INFINITY);
      return distances.topk(k, 1, false, true)[0].select(1, k - 1);
    }),
  );
  return cat(parts);
}

/** The share of `points` [m, D] that lie in the manifold of `rows` [n, D]. */
function covered(points: Tensor, rows: Tensor, radii: Tensor, block: number): number {
  let inside = 0;
  for (const [from, length] of blocks(points.size(0), block))
    inside += scope(() =>
      squaredDistances(points.narrow(0, from, length), rows)
        .le(radii)
        .any(1)
        .sum()
        .item(),
    );
  return inside / points.size(0);
}

export interface PrecisionRecall {
  /** The share of fakes in the manifold of the real images: how real they look. */
  precision: number;
  /** The share of real images in the manifold of the fakes: how many kinds there are. */
  recall: number;
}

/** @throws ConfigError when `n` and `m` images are too few for `k` neighbours, or `k` is no number of them */
export function checkNeighbours(n: number, m: number, k: number): void {
  if (!(Number.isInteger(k) && k >= 1))
    throw new ConfigError('bad-neighbours', `precision and recall cannot be taken with ${k} neighbours`, {
      remedy: 'Neighbours are a whole number from 1; 3 is usual.',
      fields: { k },
    });
  if (Math.min(n, m) > k) return;
  throw new ConfigError(
    'too-few-images',
    `precision and recall with k = ${k} need more than ${k} images on each side, got ${n} and ${m}`,
    { remedy: 'Give more images, or ask for fewer neighbours.', fields: { k, real: n, fake: m } },
  );
}

/**
 * @param real [n, D] @param fake [m, D], both with more than `k` rows
 * @param options `k` neighbours (3); `block` rows whose distances exist at one time (1,024)
 */
export function precisionRecall(
  real: Tensor,
  fake: Tensor,
  { k = 3, block = 1024 }: { k?: number | undefined; block?: number | undefined } = {},
): PrecisionRecall {
  if (real.ndim !== 2 || fake.ndim !== 2 || real.size(1) !== fake.size(1))
    throw new ShapeError(
      'wrong-shape',
      `precisionRecall: expected features [n, D] and [m, D], got [${real.shape.join(', ')}] and [${fake.shape.join(', ')}]`,
    );
  checkNeighbours(real.size(0), fake.size(0), k);
  requireFiniteFeatures(real, fake);
  return scope(() => {
    const [x, y] = [real.to('float64'), fake.to('float64')];
    return {
      precision: covered(y, x, squaredRadii(x, k, block), block),
      recall: covered(x, y, squaredRadii(y, k, block), block),
    };
  });
}
