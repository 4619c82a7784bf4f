// Convolutions, with PyTorch's weights and options.
//
//   B batch   C channels in   O channels out   G groups   L, H, W lengths   k taps
import { ConfigError, checkNumber, checkNumbers, checkOptions, type OptionNames } from '../base/index.ts';
import { conv1d, conv2d, convTranspose2d, type Tensor } from '../torch/index.ts';
import { Module } from './module.ts';
import { layerHints, makeBias, makeWeight, WeightedLayer, type WeightOptions, weightOptions } from './weights.ts';

/** One number for every direction, or one per direction `[height, width]`. */
type Pair = number | readonly [number, number];

export interface ConvOptions<Size> extends WeightOptions {
  stride?: Size;
  padding?: Size;
  dilation?: Size;
  groups?: number;
}

const convOptions: OptionNames<ConvOptions<Pair>> = {
  ...weightOptions,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
};

const pair = (size: Pair): readonly [number, number] => (typeof size === 'number' ? [size, size] : size);

/** @throws ConfigError for sizes that no convolution has, and groups that do not divide the channels */
function checkSizes(
  owner: string,
  channels: { inChannels: number; outChannels: number },
  taps: Pair,
  { stride, padding, dilation, outputPadding, groups = 1 }: ConvOptions<Pair> & { outputPadding?: Pair },
): void {
  checkNumbers(owner, { ...channels, groups }, { min: 1, whole: true });
  for (const [name, size] of Object.entries({ taps, stride, dilation, padding, outputPadding }))
    for (const each of size === undefined ? [] : pair(size))
      checkNumber(owner, name, each, { min: name.toLowerCase().endsWith('padding') ? 0 : 1, whole: true });
  for (const [name, count] of Object.entries(channels))
    if (count % groups !== 0)
      throw new ConfigError('bad-option', `${owner}: ${name} ${count} cannot be divided into ${groups} groups`, {
        fields: { [name]: count, groups },
      });
}

/**
 * [B, C, L] → [B, O, L']. `weight` is [O, C/G, k].
 *
 * @example
 * ```ts
 * const layer = new Conv1d(1, 1, 2, { weightInit: constant(1), bias: false });
 * console.log(layer.forward(tensor([[[1, 2, 3]]])).tolist()); // prints [[[3,5]]]
 * ```
 */
export class Conv1d extends WeightedLayer {
  bias: Tensor | null;
  readonly #options: ConvOptions<number>;

  constructor(inChannels: number, outChannels: number, taps: number, options: ConvOptions<number> = {}) {
    checkOptions('Conv1d', options, convOptions, layerHints);
    checkSizes('Conv1d', { inChannels, outChannels }, taps, options);
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

/**
 * [B, C, H, W] → [B, O, H', W']. `weight` is [O, C/G, kH, kW].
 *
 * @example
 * ```ts
 * console.log(new Conv2d(3, 8, 3, { stride: 2, padding: 1 }).forward(ones(1, 3, 32, 32)).shape); // prints [1,8,16,16]
 * ```
 */
export class Conv2d extends WeightedLayer {
  bias: Tensor | null;
  readonly #options: ConvOptions<Pair>;

  constructor(inChannels: number, outChannels: number, taps: Pair, options: ConvOptions<Pair> = {}) {
    checkOptions('Conv2d', options, convOptions, layerHints);
    checkSizes('Conv2d', { inChannels, outChannels }, taps, options);
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

const { weightNormalization: _, ...convShared } = convOptions;
const convTransposeOptions: OptionNames<ConvTransposeOptions> = { ...convShared, outputPadding: true };

/**
 * The adjoint of Conv2d in its input: [B, C, H, W] → [B, O, H', W']. `weight` is [C, O/G, kH, kW].
 *
 * @example
 * ```ts
 * const layer = new ConvTranspose2d(8, 3, 4, { stride: 2, padding: 1 });
 * console.log(layer.forward(ones(1, 8, 16, 16)).shape); // prints [1,3,32,32]
 * ```
 */
export class ConvTranspose2d extends Module {
  weight: Tensor;
  bias: Tensor | null;
  readonly #options: ConvTransposeOptions;

  constructor(inChannels: number, outChannels: number, taps: Pair, options: ConvTransposeOptions = {}) {
    super();
    checkOptions('ConvTranspose2d', options, convTransposeOptions, layerHints);
    checkSizes('ConvTranspose2d', { inChannels, outChannels }, taps, options);
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
