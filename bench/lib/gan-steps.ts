// The updates of a GAN's two networks that are measured: as in bench/peer/gan.py, operator for operator.
import {
  architectures,
  type Discriminator,
  gradientPenalty,
  type ImageGenerator,
  losses,
  type Method,
  methods,
} from 'tsumugi/gan';
import { namedTensors, parameters } from 'tsumugi/nn';
import { Adam } from 'tsumugi/optim';
import { backward, noGrad, Rng, rand, randn, scope, type Tensor } from 'tsumugi/torch';

/** Adam's; setting C of the comparison. */
export const adam = { lr: 2e-4, betas: [0.5, 0.999] as const, eps: 1e-8 };
const penaltySeed = 2;

/** A discriminator normalized in one way and its generator, with fixed noise and fixed real images. */
export class GanSteps implements Disposable {
  readonly method: Method;
  readonly batch: number;
  readonly #G: ImageGenerator;
  readonly #D: Discriminator;
  readonly #optimizers: { G: Adam; D: Adam };
  readonly #z: Tensor;
  readonly #real: Tensor;
  readonly #epsilons = new Rng(penaltySeed);

  /** @param method its normalization, loss and penalty; `quick` makes small networks */
  constructor(method: Method, quick: boolean) {
    this.method = method;
    this.batch = quick ? 4 : 64;
    const rng = new Rng(1);
    const options = { rng, width: quick ? 1 / 16 : 1 };
    this.#G = architectures.cnn.generator(options);
    this.#D = architectures.cnn.discriminator({ ...options, normalization: method.normalization });
    const settings = { betas: adam.betas, eps: adam.eps };
    this.#optimizers = { G: new Adam(this.#G, settings), D: new Adam(this.#D, settings) };
    this.#z = randn([this.batch, this.#G.latentSize], rng).keep();
    this.#real = scope(() =>
      rand([this.batch, ...this.#G.imageShape], rng)
        .mul(2)
        .sub(1),
    ).keep();
  }

  /** What the peer needs to do the same. */
  tensors(): [string, Tensor][] {
    const of = (prefix: string, network: ImageGenerator | Discriminator) =>
      [...namedTensors(network)].map(([path, tensor]): [string, Tensor] => [`${prefix}.${path}`, tensor]);
    return [...of('G', this.#G), ...of('D', this.#D), ['z', this.#z], ['real', this.#real]];
  }

  /** Settings for the peer, beside the tensors. */
  get description(): Record<string, unknown> {
    return {
      normalization: this.method.normalization,
      loss: this.method.loss,
      penalty: this.#penalty,
      penaltySeed,
      adam,
    };
  }

  get #penalty(): number {
    return this.method.penalty?.kind === 'gradient' ? this.method.penalty.weight : 0;
  }

  /** Fakes are made, both are judged, the discriminator is updated. Returns its loss. */
  discriminatorStep(): number {
    return scope(() => {
      const { D } = this.#optimizers;
      const fake = noGrad(() => this.#G.forward(this.#z));
      D.zeroGrad();
      let loss = losses[this.method.loss].discriminator(this.#D.forward(this.#real), this.#D.forward(fake));
      if (this.#penalty > 0) {
        const options = { rng: this.#epsilons, weight: this.#penalty };
        loss = loss.add(gradientPenalty(this.#D, this.#real, fake, options));
      }
      backward(loss);
      D.step(adam.lr);
      return loss.item();
    });
  }

  /** Fakes are made and judged, the generator is updated; the discriminator's weights take no gradients. Returns the loss. */
  generatorStep(): number {
    const frozen = parameters(this.#D);
    for (const tensor of frozen) tensor.requiresGrad_(false);
    try {
      return scope(() => {
        const { G } = this.#optimizers;
        G.zeroGrad();
        const loss = losses[this.method.loss].generator(this.#D.forward(this.#G.forward(this.#z)));
        backward(loss);
        G.step(adam.lr);
        return loss.item();
      });
    } finally {
      for (const tensor of frozen) tensor.requiresGrad_();
    }
  }

  [Symbol.dispose](): void {
    for (const owner of [this.#G, this.#D, this.#optimizers.G, this.#optimizers.D, this.#z, this.#real])
      owner[Symbol.dispose]();
  }
}

/** What is measured, by the peer's names. */
export const ganMethods = {
  none: { ...methods.sn, normalization: 'none' },
  sn: methods.sn,
  'wgan-gp': methods['wgan-gp'],
} as const;
