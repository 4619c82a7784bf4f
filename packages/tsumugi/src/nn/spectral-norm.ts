// Spectral normalization of weights (Miyato et al. 2018, arXiv 1802.05957), as in the authors' code.
//
//   W   a weight [out, in, …taps] as a matrix [out, in·taps], whatever stride and padding
//   u   [out], a running estimate of the first left singular vector, kept from forward to forward and saved
//
//   ṽ = Wᵀu/‖Wᵀu‖    ũ = Wṽ/‖Wṽ‖    σ = ũᵀWṽ    W̄ = factor · γ · W/σ    u ← ũ while training
//
// ṽ and ũ count as constants in backward, so dσ/dW = ũṽᵀ and for a loss L with G = dL/dW̄ (factor, γ = 1)
//
//   dL/dW = (G − ⟨G, W̄⟩ ũṽᵀ) / σ
import { checkNumber, checkOptions } from '../base/index.ts';
import { linalgSvdvals, noGrad, type Rng, randn, scope, type Tensor } from '../torch/index.ts';
import { buffer, Module, parameter } from './module.ts';
import type { WeightNormalization } from './weights.ts';

/** Added to norms, as the authors have it. */
const eps = 1e-12;

export interface SpectralNormOptions {
  /** Power iterations per forward; 1 when left out, enough because u is kept. */
  iterations?: number;
  /** The spectral norm to normalize to; 1 when left out. */
  factor?: number;
  /** Whether there is a learned factor γ, at first σ(W) by SVD (the paper's reparametrization, appendix E). */
  gamma?: boolean;
}

const unit = (vector: Tensor): Tensor => vector.div(vector.norm().add(eps));

/**
 * W → W̄, for the `norm` of a layer. While training, every forward moves u by its power iterations; after `eval()` the
 * same iterations are made and u stays. (The authors' linear and embedding layers move u in evaluation, too; their
 * convolutions do not. Here no layer does, so that evaluation is repeatable.)
 *
 * @example
 * ```ts
 * const weight = tensor([[2]]); // its spectral norm is 2
 * console.log(new SpectralNorm(weight, new Rng(0)).forward(weight).item().toFixed(4)); // prints 1.0000
 * ```
 */
export class SpectralNorm extends Module {
  u: Tensor;
  gamma: Tensor | null;
  readonly iterations: number;
  readonly factor: number;

  /** @throws ConfigError when there is no iteration or the factor is not positive. */
  constructor(weight: Tensor, rng: Rng, options: SpectralNormOptions = {}) {
    super();
    checkOptions('spectralNorm', options, { iterations: true, factor: true, gamma: true });
    const { iterations = 1, factor = 1, gamma = false } = options;
    checkNumber('spectral normalization', 'iterations', iterations, { min: 1, whole: true });
    checkNumber('spectral normalization', 'factor', factor, { above: 0 });
    this.iterations = iterations;
    this.factor = factor;
    this.u = buffer(randn([weight.shape[0]!], rng, { dtype: weight.dtype }));
    this.gamma = gamma ? parameter(noGrad(() => scope(() => linalgSvdvals(weight.flatten(1)).max()))) : null;
  }

  forward(weight: Tensor): Tensor {
    const matrix = weight.flatten(1);
    let { u } = this;
    let product = u; // Wṽ
    for (let i = 0; i < this.iterations; i++) {
      const v = noGrad(() => unit(matrix.t().mv(u)));
      product = matrix.mv(v);
      u = noGrad(() => unit(product));
    }
    if (this.training) noGrad(() => this.u.copy_(u));
    const scale = product.dot(u).reciprocal().mul(this.factor);
    return weight.mul(this.gamma ? scale.mul(this.gamma) : scale);
  }
}

/**
 * Spectral normalization as an option of a layer: `new Linear(4, 2, { rng, weightNormalization: spectralNorm() })`.
 *
 * @example
 * ```ts
 * const layer = new Linear(1, 1, { weightNormalization: spectralNorm() });
 * console.log(layer.evaluatedWeight().abs().item().toFixed(4)); // prints 1.0000
 * ```
 */
export const spectralNorm =
  (options: SpectralNormOptions = {}): WeightNormalization =>
  (weight, rng) =>
    new SpectralNorm(weight, rng, options);
