// Fully connected layers with an activation after each.
import { ConfigError, checkNumber } from '../../base/index.ts';
import {
  type Activation,
  type AffineMap,
  elu,
  gelu,
  type Initializer,
  Linear,
  leakyRelu,
  type MlpActivation,
  Module,
  mlp,
  relu,
  silu,
  tanh,
  zerosInit,
} from '../../nn/index.ts';
import type { Rng, Tensor } from '../../torch/index.ts';
import { type Body, scaled } from './body.ts';
import { type InitialWeights, initializerOf } from './initial.ts';

export type ActivationName = 'relu' | 'leaky-relu' | 'tanh' | 'elu' | 'silu' | 'gelu';
export const activationNames = ['relu', 'leaky-relu', 'tanh', 'elu', 'silu', 'gelu'] as const;
/** The slope is Chainer's. */
const activations: Readonly<Record<ActivationName, Activation>> = {
  relu,
  'leaky-relu': leakyRelu(0.2),
  tanh,
  elu: elu(),
  silu,
  gelu,
};

const isFused = (name: ActivationName): name is ActivationName & MlpActivation => name === 'relu' || name === 'tanh';
/** Whether it is what it was made as: a layer in its place, as an adapter is, has a forward of its own. */
export const isAffine = (layer: Linear): layer is Linear & AffineMap =>
  layer.constructor === Linear && layer.bias !== null;

export interface MLPOptions {
  rng: Rng;
  /** ReLU when left out. */
  activation?: ActivationName;
  /** LeCun-normal when left out, as Chainer has it. */
  weightInit?: InitialWeights | Initializer;
}

/** [B, …] → [B, sizes.at(-1)]: observations are flattened, each layer is followed by the activation. */
export class MLP extends Module implements Body {
  readonly features: number;
  layers: Linear[];
  readonly #activation: ActivationName;

  constructor(inputs: number, sizes: readonly number[], options: MLPOptions) {
    super();
    const { rng, activation = 'relu', weightInit = 'lecun-normal' } = options;
    for (const size of sizes) checkNumber('MLP', 'a layer', size, { min: 1, whole: true });
    if (!Object.hasOwn(activations, activation))
      throw new ConfigError('bad-option', `MLP: there is no activation "${activation}": ${activationNames.join(', ')}`);
    const init = typeof weightInit === 'function' ? weightInit : initializerOf(weightInit);
    this.layers = sizes.map(
      (size, i) => new Linear(sizes[i - 1] ?? inputs, size, { rng, weightInit: init, biasInit: zerosInit() }),
    );
    this.features = sizes.at(-1) ?? inputs;
    this.#activation = activation;
  }

  forward(x: Tensor): Tensor {
    const y = this.#flat(x);
    const activation = this.#activation;
    if (isFused(activation) && this.layers.every(isAffine)) return mlp(y, this.layers, activation);
    return this.layers.reduce((h, layer) => activations[activation](layer.forward(h)), y);
  }

  /** `layer.forward(this.forward(x))`, in one call where that can be: a head of one layer is half of what acting costs. */
  into(layer: Linear, x: Tensor): Tensor {
    const activation = this.#activation;
    const all = [...this.layers, layer];
    if (isFused(activation) && all.every(isAffine)) return mlp(this.#flat(x), all, activation, 'none');
    return layer.forward(this.forward(x));
  }

  /** [B, inputs] */
  #flat(x: Tensor): Tensor {
    const y = scaled(x);
    return y.ndim > 2 ? y.flatten(1) : y;
  }
}
