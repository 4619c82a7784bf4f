// The kernel distance: the squared maximum mean discrepancy of features with the kernel k(x, y) = (x·y/D + 1)³.
//
//   MMD² = Σ_{i≠j} k(xᵢ,xⱼ)/n(n−1) + Σ_{i≠j} k(yᵢ,yⱼ)/m(m−1) − 2 Σ_{ij} k(xᵢ,yⱼ)/nm
//
// Bińkowski et al. 2018, arXiv 1801.01401 ("KID"): unbiased, so it may be below zero, and its expectation does not
// depend on the number of images as the Fréchet distance's does. Reported as mean and standard deviation over subsets.
import { ConfigError, RandomStream, ShapeError } from '../../base/index.ts';
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import { requireFiniteFeatures } from '../not-finite.ts';
import { type MeanAndSpread, meanAndSpread } from './inception-score.ts';

const kernel = (x: Tensor, y: Tensor): Tensor => x.mm(y.t()).div(x.size(1)).add(1).pow(3);

/** The unbiased estimate of MMD² of features [n, D] and [m, D], n, m ≥ 2. */
export function polynomialMmd(x: Tensor, y: Tensor): number {
  return scope(() => {
    const [a, b] = [x.to('float64'), y.to('float64')];
    const [n, m] = [a.size(0), b.size(0)];
    const within = (z: Tensor) => {
      const k = kernel(z, z);
      return k.sum().item() - k.diagonal().sum().item();
    };
    return within(a) / (n * (n - 1)) + within(b) / (m * (m - 1)) - (2 * kernel(a, b).sum().item()) / (n * m);
  });
}

export interface KidOptions {
  /** 100 when left out; 1 where a subset is a whole side, since all would be the same. */
  subsets?: number | undefined;
  /** Images per subset and side, 1,000 when left out; all of the smaller side where there are fewer. */
  subsetSize?: number | undefined;
  /** Of the choice of subsets. */
  seed?: number | undefined;
}

/** How `n` real images and `m` fakes are cut into subsets. @throws ConfigError for what cannot be, or says nothing */
export function subsetsOf(n: number, m: number, { subsets, subsetSize, seed = 0 }: KidOptions) {
  const most = Math.min(n, m);
  const size = subsetSize ?? Math.min(1000, most);
  const count = subsets ?? (size < most ? 100 : 1);
  const refuse = (problem: string, remedy: string): never => {
    throw new ConfigError('bad-subsets', `the kernel distance of ${n} real images and ${m} fakes: ${problem}`, {
      remedy,
      fields: { subsets: count, subsetSize: size, real: n, fake: m },
    });
  };
  if (most < 2) refuse('it needs two images on each side', 'Give more images.');
  if (![size, count, seed].every(Number.isInteger) || size < 2 || count < 1 || seed < 0)
    refuse(
      `there cannot be ${count} subsets of ${size} images from seed ${seed}`,
      'subsets is a whole number from 1, subsetSize one from 2, seed one from 0.',
    );
  if (size > most)
    refuse(`a subset cannot have ${size}`, `Ask for a subsetSize of ${most} at most, or give more images.`);
  if (size === most && count > 1)
    refuse(
      `${count} subsets of ${size} would be the same images again and again`,
      `Ask for a subsetSize below ${most}, or for one subset.`,
    );
  return { subsets: count, subsetSize: size, seed };
}

/** `size` of the numbers 0 … n − 1, int64. */
function draw(stream: RandomStream, n: number, size: number): Tensor {
  // The first `size` steps of a Fisher–Yates shuffle: without replacement.
  const places = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < size; i++) {
    const j = i + stream.below(n - i);
    [places[i], places[j]] = [places[j]!, places[i]!];
  }
  return tensor(places.subarray(0, size)).to('int64');
}

/**
 * Mean and standard deviation of MMD² over random subsets, each drawn without replacement. A single subset has no deviation: so
 * it is where a subset is as large as a side, unless a smaller one is asked for.
 *
 * @param real [n, D] @param fake [m, D]
 */
export function kernelDistance(
  real: Tensor,
  fake: Tensor,
  options: KidOptions = {},
): MeanAndSpread & { subsets: number; subsetSize: number } {
  if (real.ndim !== 2 || fake.ndim !== 2 || real.size(1) !== fake.size(1))
    throw new ShapeError(
      'wrong-shape',
      `kernelDistance: expected features [n, D] and [m, D], got [${real.shape.join(', ')}] and [${fake.shape.join(', ')}]`,
    );
  requireFiniteFeatures(real, fake);
  const { subsets, subsetSize, seed } = subsetsOf(real.size(0), fake.size(0), options);
  const stream = new RandomStream(seed);
  const values = Array.from({ length: subsets }, () =>
    scope(() => {
      const [x, y] = [real, fake].map((rows) =>
        rows.indexSelect(0, draw(stream, rows.size(0), subsetSize).to(rows.device)),
      ) as [Tensor, Tensor];
      return polynomialMmd(x, y);
    }),
  );
  return { ...meanAndSpread(values), subsets, subsetSize };
}
