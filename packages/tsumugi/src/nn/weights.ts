// How layers make their parameters: the options they share, PyTorch's default initial values, and normalized weights.
import { type OptionHints, type OptionNames, ShapeError } from '../base/index.ts';
import {
  checkRng,
  type Device,
  defaultRng,
  empty,
  full,
  noGrad,
  type Rng,
  scope,
  type Tensor,
} from '../torch/index.ts';
import { type Initializer, initialize, varianceScaling } from './initializers.ts';
import type { UnaryModule } from './layer.ts';
import { Module, namedModules, parameter } from './module.ts';

/** U(−1/√fanIn, 1/√fanIn), PyTorch's default for weights of linear and convolution layers. */
export const defaultWeightInit = varianceScaling({ scale: 1 / 3, distribution: 'uniform' });

/** Makes the module that normalizes a weight before every use: [out, in, …taps] → the same shape. */
export type WeightNormalization = (weight: Tensor, rng: Rng) => UnaryModule;

export interface WeightOptions {
  /** Draws the initial values, on its device; the default stream (`manualSeed`) when left out. */
  rng?: Rng | undefined;
  /** The weight, which the layer takes over, in place of one that is drawn. */
  weight?: Tensor;
  /** Whether there is a bias; true when left out. */
  bias?: boolean;
  weightInit?: Initializer;
  biasInit?: Initializer;
  /** How the weight is normalized: `spectralNorm()`, `weightNorm()`. Not at all when left out. */
  weightNormalization?: WeightNormalization | undefined;
}

export const weightOptions: OptionNames<WeightOptions> = {
  rng: true,
  weight: true,
  bias: true,
  weightInit: true,
  biasInit: true,
  weightNormalization: true,
};

const device =
  'A layer is made on the device of its stream: { rng: new Rng(0, "cuda") }; convert(layer, "cuda") moves it.';
/** What PyTorch's layers take besides. */
export const layerHints: OptionHints = {
  device,
  dtype: 'Layers are made in float32; convert(layer, "float64") changes it.',
  generator: 'Write { rng: new Rng(0) }.',
  seed: 'Write { rng: new Rng(0) }, or manualSeed(0) before.',
  elementwise_affine: 'Write { affine }.',
  track_running_stats: 'Running statistics are always kept; call eval() to use them.',
  dropout: 'Put a Dropout between two layers.',
  bidirectional: 'Run a second layer on x.flip([1]), and cat both outputs.',
  padding_idx: 'Set its row to 0, and its gradient after backward.',
  kernelSize: 'It comes by position: new Conv2d(3, 8, 5).',
  kernel_size: 'It comes by position: new Conv2d(3, 8, 5).',
};

/** The stream of a layer's initial values. @throws UserError for what is no stream */
export const rngOf = ({ rng }: Pick<WeightOptions, 'rng'>): Rng =>
  rng === undefined ? defaultRng() : checkRng("a layer's rng", rng);

/** The initial weight of a layer. @throws ShapeError when the weight that is given has another shape */
export function makeWeight(shape: readonly number[], options: WeightOptions): Tensor {
  const { weight, weightInit = defaultWeightInit } = options;
  if (weight === undefined) {
    const rng = rngOf(options);
    return parameter(initialize(empty(shape, { device: rng.device }), weightInit, rng));
  }
  if (weight.shape.join() !== shape.join())
    throw new ShapeError(
      'wrong-shape',
      `a layer's weight must be [${shape.join(', ')}], the one given is [${weight.shape.join(', ')}]`,
    );
  return parameter(weight);
}

/** The initial bias [size] of a layer, or null without one. Default: U(−1/√fanIn, 1/√fanIn) as PyTorch's. */
export const makeBias = (size: number, fanIn: number, options: WeightOptions): Tensor | null => {
  if (options.bias === false) return null;
  const bound = 1 / Math.sqrt(fanIn);
  const rng = rngOf(options);
  const byDefault: Initializer = (target, rng) => void target.uniform_(-bound, bound, { rng });
  return parameter(initialize(empty([size], { device: rng.device }), options.biasInit ?? byDefault, rng));
};

/** A parameter [shape] that starts at one value: gains and shifts of norms. */
export const constantParameter = (shape: readonly number[], value: number, device: Device): Tensor =>
  parameter(full(shape, value, { dtype: 'float32', device }));

/** Where a layer that draws nothing is made: on its stream's device. */
export const deviceOf = ({ rng }: Pick<WeightOptions, 'rng'>): Device =>
  rng === undefined ? 'cpu' : checkRng("a layer's rng", rng).device;

/** A layer with a weight [out, in, …taps], which may be normalized before use. */
export abstract class WeightedLayer extends Module {
  weight: Tensor;
  /** Normalizes the weight; its state is at `<path>.norm.…` */
  norm: UnaryModule | null;

  protected constructor(shape: readonly number[], options: WeightOptions) {
    super();
    this.weight = makeWeight(shape, options);
    this.norm = options.weightNormalization?.(this.weight, rngOf(options)) ?? null;
  }

  /** Whether the layer is nothing but this weight, which whatever is fused with it may use: no norm, no bias, no subclass. */
  get isBareWeight(): boolean {
    const { bias } = this as { bias?: Tensor | null };
    return this.norm === null && (bias ?? null) === null && Object.getPrototypeOf(this.constructor) === WeightedLayer;
  }

  /** What the layer multiplies by: the weight, normalized when there is a normalization. */
  protected get usedWeight(): Tensor {
    return this.norm ? this.norm.forward(this.weight) : this.weight;
  }

  /** What the layer multiplies by after `eval()`; nothing of its state changes. */
  evaluatedWeight(): Tensor {
    const { norm } = this;
    if (!norm) return this.weight;
    const { training } = norm;
    norm.training = false;
    try {
      return norm.forward(this.weight);
    } finally {
      norm.training = training;
    }
  }

  /** Puts the normalized weight in the weight's place and drops the normalization. Outputs after `eval()` stay. */
  removeNormalization(): void {
    noGrad(() => scope(() => this.weight.copy_(this.evaluatedWeight())));
    this.norm?.dispose();
    this.norm = null;
  }
}

/** The layers with a weight in a tree, by path. */
export const weightedLayers = (module: Module): [string, WeightedLayer][] =>
  [...namedModules(module)].filter((entry): entry is [string, WeightedLayer] => entry[1] instanceof WeightedLayer);
