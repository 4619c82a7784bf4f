// Convolutions, with PyTorch's weights and options.
//
//   B batch   C channels in   O channels out   G groups   L, H, W lengths   k taps
import { conv1d, conv2d, convTranspose2d, type Tensor } from '../torch/index.ts';
import { Module } from './module.ts';
import { makeBias, makeWeight, WeightedLayer, type WeightOptions } from './weights.ts';

/** One number for every direction, or one per direction `[height, width]`. */
type Pair = number | readonly [number, number];

export interface ConvOptions<Size> extends WeightOptions {
  stride?: Size;
  padding?: Size;
  dilation?: Size;
  groups?: number;
}

const pair = (size: Pair): readonly [number, number] => (typeof size === 'number' ? [size, size] : size);

/** [B, C, L] → [B, O, L']. `weight` is [O, C/G, k]. */
export class Conv1d extends WeightedLayer {
  bias: Tensor | null;
  readonly #options: ConvOptions<number>;

  constructor(inChannels: number, outChannels: number, taps: number, options: ConvOptions<number>) {
    const perGroup = inChannels / (options.groups ?? 1);
    super([outChannels, perGroup, taps], options);
    this.#options = options;
    this.bias = makeBias(outChannels, perGroup * taps, options);
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this.#options;
    return conv1d(x, this.usedWeight, this.bias, stride, padding, dilation, groups);
  }
}

/** [B, C, H, W] → [B, O, H', W']. `weight` is [O, C/G, kH, kW]. */
export class Conv2d extends WeightedLayer {
  bias: Tensor | null;
  readonly #options: ConvOptions<Pair>;

  constructor(inChannels: number, outChannels: number, taps: Pair, options: ConvOptions<Pair>) {
    const perGroup = inChannels / (options.groups ?? 1);
    const [height, width] = pair(taps);
    super([outChannels, perGroup, height, width], options);
    this.#options = options;
    this.bias = makeBias(outChannels, perGroup * height * width, options);
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this.#options;
    return conv2d(x, this.usedWeight, this.bias, stride, padding, dilation, groups);
  }
}

export interface ConvTransposeOptions extends Omit<ConvOptions<Pair>, 'weightNormalization'> {
  /** Added to one side of the result, to choose among the sizes that a strided convolution maps to the same one. */
  outputPadding?: Pair;
}

/** The adjoint of Conv2d in its input: [B, C, H, W] → [B, O, H', W']. `weight` is [C, O/G, kH, kW]. */
export class ConvTranspose2d extends Module {
  weight: Tensor;
  bias: Tensor | null;
  readonly #options: ConvTransposeOptions;

  constructor(inChannels: number, outChannels: number, taps: Pair, options: ConvTransposeOptions) {
    super();
    this.#options = options;
    const perGroup = outChannels / (options.groups ?? 1);
    const [height, width] = pair(taps);
    this.weight = makeWeight([inChannels, perGroup, height, width], options);
    this.bias = makeBias(outChannels, perGroup * height * width, options);
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, outputPadding, groups, dilation } = this.#options;
    return convTranspose2d(x, this.weight, this.bias, stride, padding, outputPadding, groups, dilation);
  }
}
