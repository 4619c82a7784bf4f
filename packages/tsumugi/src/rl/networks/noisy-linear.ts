// Linear layers with learned noise (NoisyNet; Fortunato et al. 2018, arXiv 1706.10295), factorized:
//
//   W = μ_W + σ_W ⊙ f(ε_out) f(ε_in)ᵀ     b = μ_b + σ_b ⊙ f(ε_out)     f(x) = sign(x) √|x|,  ε ~ N(0, 1)
//
// At first μ_W ~ U(±1/√fanIn), μ_b = 0, σ_W = σ₀/√fanIn, σ_b = σ₀/√fanOut (ChainerRL's). In training every forward draws
// anew, that of the target network and of acting, too; in evaluation the layer is μ.
import { checkNumber } from '../../base/index.ts';
import { Linear, Module, namedModules, parameter, replaceModule } from '../../nn/index.ts';
import { full, linear, type Rng, randn, type Tensor, zeros } from '../../torch/index.ts';

const root = (x: Tensor): Tensor => x.sign().mul(x.abs().sqrt());

export class FactorizedNoisyLinear extends Module {
  weight: Tensor;
  weightSigma: Tensor;
  bias: Tensor;
  biasSigma: Tensor;
  readonly #rng: Rng;

  /** @param options.rng draws the initial values and then the noise; its state belongs to the agent's */
  constructor(inFeatures: number, outFeatures: number, options: { rng: Rng; sigma?: number }) {
    super();
    const { rng, sigma = 0.4 } = options;
    checkNumber('FactorizedNoisyLinear', 'sigma', sigma, { min: 0 });
    const { device } = rng;
    const bound = 1 / Math.sqrt(inFeatures);
    this.#rng = rng;
    this.weight = parameter(zeros([outFeatures, inFeatures], { device }).uniform_(-bound, bound, { rng }));
    this.weightSigma = parameter(
      full([outFeatures, inFeatures], sigma / Math.sqrt(inFeatures), { dtype: 'float32', device }),
    );
    this.bias = parameter(zeros([outFeatures], { device }));
    this.biasSigma = parameter(full([outFeatures], sigma / Math.sqrt(outFeatures), { dtype: 'float32', device }));
  }

  forward(x: Tensor): Tensor {
    if (!this.training) return linear(x, this.weight, this.bias);
    const [outFeatures, inFeatures] = this.weight.shape as [number, number];
    const out = root(randn([outFeatures], this.#rng));
    const noise = out.unsqueeze(1).mul(root(randn([inFeatures], this.#rng)));
    return linear(x, this.weight.addcmul(this.weightSigma, noise), this.bias.addcmul(this.biasSigma, out));
  }
}

/** Puts a noisy layer in the place of every `Linear` of a network; convolutions stay. Returns the network. */
export function toFactorizedNoisy<M extends Module>(network: M, options: { rng: Rng; sigma?: number }): M {
  for (const [path, module] of [...namedModules(network)]) {
    if (!(module instanceof Linear)) continue;
    const [outFeatures, inFeatures] = module.weight.shape as [number, number];
    replaceModule(network, path, new FactorizedNoisyLinear(inFeatures, outFeatures, options));
    module.dispose();
  }
  return network;
}
