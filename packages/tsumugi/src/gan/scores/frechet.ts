// The Fréchet distance of two sets of features, each taken as a Gaussian, and the moments it needs. Everything in float64.
//
//   d² = ‖m₀ − m₁‖² + tr(C₀ + C₁ − 2 (C₀C₁)^½)
//
// Dowson & Landau 1982; as a score of generated images: Heusel et al. 2017, arXiv 1706.08500. The trace of the root is
// taken from symmetric matrices alone: with Cᵢ = AᵢAᵢᵀ, tr (C₀C₁)^½ is the sum of the singular values of A₀ᵀA₁, and
// A = V√Λ comes from the eigen-decomposition C = VΛVᵀ. Nothing is inverted, so a covariance may have any rank.
//
//   n images   D features
import { ShapeError, UserError } from '../../base/index.ts';
import { requireFiniteRows } from '../../nn/index.ts';
import {
  callOperator,
  type Device,
  factoryDevice,
  linalgSvdvals,
  scope,
  type Tensor,
  zeros,
} from '../../torch/index.ts';

/** Mean and scatter of features that come in batches: Chan, Golub & LeVeque 1983, so neither is a difference of large sums. */
export class Moments implements Disposable {
  n: number;
  /** [D] float64 */
  readonly mean: Tensor;
  /** Σ (x − mean)(x − mean)ᵀ, [D, D] float64 */
  readonly scatter: Tensor;

  constructor(dim: number, device: Device = factoryDevice()) {
    this.n = 0;
    this.mean = zeros([dim], { dtype: 'float64', device }).keep();
    this.scatter = zeros([dim, dim], { dtype: 'float64', device }).keep();
  }

  /** Moments that were kept: takes copies. */
  static from(n: number, mean: Tensor, scatter: Tensor): Moments {
    const moments = new Moments(mean.numel(), mean.device);
    moments.n = n;
    moments.mean.copy_(mean);
    moments.scatter.copy_(scatter);
    return moments;
  }

  get dim(): number {
    return this.mean.numel();
  }

  /** Adds features [B, D]. */
  add(features: Tensor): void {
    if (features.ndim !== 2 || features.size(1) !== this.dim)
      throw new ShapeError(
        'wrong-shape',
        `moments: expected features [B, ${this.dim}], got [${features.shape.join(', ')}]`,
      );
    scope(() => {
      const rows = features.to('float64', this.mean.device);
      const mean = rows.mean([0]);
      const centred = rows.sub(mean);
      this.#join(rows.size(0), mean, centred.t().mm(centred));
    });
  }

  /** Adds what another one has seen. */
  merge(other: Moments): void {
    scope(() => this.#join(other.n, other.mean, other.scatter));
  }

  #join(n: number, mean: Tensor, scatter: Tensor): void {
    if (n === 0) return;
    const share = n / (this.n + n);
    const difference = mean.sub(this.mean);
    this.scatter.add_(scatter).add_(difference.outer(difference), { alpha: this.n * share });
    this.mean.add_(difference, { alpha: share });
    this.n += n;
  }

  /** The covariance with divisor n − 1, as `numpy.cov` has it: [D, D] float64. @throws UserError for fewer than two images */
  covariance(): Tensor {
    if (this.n < 2)
      throw new UserError(
        'too-few-images',
        `a covariance needs two images at least, and there ${this.n === 1 ? 'is one' : 'are none'}`,
        {
          remedy: 'Add the features of more images.',
        },
      );
    return this.scatter.div(this.n - 1);
  }

  /** Whether there are too few images for the covariance to have full rank. */
  get isRankDeficient(): boolean {
    return this.n <= this.dim;
  }

  dispose(): void {
    this.mean.dispose();
    this.scatter.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

export interface FrechetDistance {
  /** The squared distance d², which is what the scores report. */
  value: number;
  /** ‖m₀ − m₁‖² */
  meanPart: number;
  /** tr(C₀ + C₁ − 2 (C₀C₁)^½) */
  covariancePart: number;
}

/** A with C = AAᵀ: [D, rank]. Eigenvalues below the rounding of the largest one are zeros that were lost. */
function factor(covariance: Tensor): Tensor {
  const symmetric = covariance.add(covariance.t()).mul(0.5);
  const [values, vectors] = callOperator('aten::linalg_eigh', symmetric, 'L') as [Tensor, Tensor];
  const dim = values.numel();
  const ascending = values.data() as Float64Array;
  const floor = Math.max(0, ascending[dim - 1]!) * dim * Number.EPSILON;
  const first = ascending.findIndex((value) => value > floor);
  const rank = first < 0 ? 0 : dim - first;
  return vectors.narrow(1, dim - rank, rank).mul(values.narrow(0, dim - rank, rank).sqrt());
}

/** The squared Fréchet distance of two Gaussians. Means [D], covariances [D, D], any floating dtype. */
export function frechetOf(mean0: Tensor, covariance0: Tensor, mean1: Tensor, covariance1: Tensor): FrechetDistance {
  return scope(() => {
    const [m0, C0, m1, C1] = [mean0, covariance0, mean1, covariance1].map((each) => each.to('float64', 'cpu')) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const shapes = [C0, C1, m1].map((each) => each.shape.join(', '));
    const D = m0.numel();
    if (shapes[0] !== `${D}, ${D}` || shapes[1] !== `${D}, ${D}` || shapes[2] !== `${D}`)
      throw new ShapeError(
        'wrong-shape',
        `frechet: expected means [${D}] and covariances [${D}, ${D}], got mean [${shapes[2]}] and covariances [${shapes[0]}] and [${shapes[1]}]`,
      );
    for (const [what, each] of Object.entries({
      'first mean': m0,
      'first covariance': C0,
      'second mean': m1,
      'second covariance': C1,
    }))
      requireFiniteRows(each, (row) => `row ${row} of the ${what}`, 'Check the features it comes from.');
    const product = factor(C0).t().mm(factor(C1));
    const root = product.numel() === 0 ? 0 : linalgSvdvals(product).sum().item();
    const meanPart = m0.sub(m1).square().sum().item();
    const covariancePart = C0.diagonal().sum().item() + C1.diagonal().sum().item() - 2 * root;
    // Both are distances themselves; what lies below zero is rounding.
    return { value: Math.max(0, meanPart + covariancePart), meanPart, covariancePart };
  });
}

/** The squared Fréchet distance of two sets of features. */
export function frechetDistance(a: Moments, b: Moments): FrechetDistance {
  return scope(() => frechetOf(a.mean, a.covariance(), b.mean, b.covariance()));
}
