// Convolutional bodies for stacks of frames [B, C, H, W], 84×84 in the papers.
import { ShapeError } from '../../base/index.ts';
import { Conv2d, constant, Linear, lecunNormal, Module } from '../../nn/index.ts';
import type { Rng, Tensor } from '../../torch/index.ts';
import { type Body, scaled } from './body.ts';

interface ConvLayer {
  channels: number;
  taps: number;
  stride: number;
}

export interface PixelOptions {
  rng: Rng;
  /** Initial biases; 0.1 when left out, as ChainerRL has it. */
  bias?: number;
}

/** Convolutions with ReLU, flattened, then a linear layer with ReLU unless `hidden` is 0. */
abstract class ConvBody extends Module implements Body {
  readonly features: number;
  convs: Conv2d[];
  out: Linear | null;

  protected constructor(
    owner: string,
    [channels, ...sides]: readonly number[],
    layers: readonly ConvLayer[],
    hidden: number,
    { rng, bias = 0.1 }: PixelOptions,
  ) {
    super();
    const init = { rng, weightInit: lecunNormal(), biasInit: constant(bias) };
    this.convs = layers.map(
      ({ channels: out, taps, stride }, i) =>
        new Conv2d(layers[i - 1]?.channels ?? channels!, out, taps, { ...init, stride }),
    );
    const left = sides.map((side) =>
      layers.reduce((size, { taps, stride }) => Math.floor((size - taps) / stride) + 1, side),
    );
    if (left.length !== 2 || left.some((side) => !(side >= 1)))
      throw new ShapeError(
        'wrong-shape',
        `${owner} takes frames [C, H, W] of at least 36×36, got [${[channels, ...sides].join(', ')}]`,
      );
    const flat = layers.at(-1)!.channels * left[0]! * left[1]!;
    this.out = hidden === 0 ? null : new Linear(flat, hidden, init);
    this.features = hidden === 0 ? flat : hidden;
  }

  forward(x: Tensor): Tensor {
    let y = scaled(x);
    for (const conv of this.convs) y = conv.forward(y).relu();
    y = y.flatten(1);
    return this.out ? this.out.forward(y).relu() : y;
  }
}

/** Mnih et al. 2015: 32 8×8 stride 4, 64 4×4 stride 2, 64 3×3, 512; without the last where `hidden` is 0 (3136 features). */
export class NatureBody extends ConvBody {
  constructor(shape: readonly number[], options: PixelOptions & { hidden?: number }) {
    const layers = [
      { channels: 32, taps: 8, stride: 4 },
      { channels: 64, taps: 4, stride: 2 },
      { channels: 64, taps: 3, stride: 1 },
    ];
    super('NatureBody', shape, layers, options.hidden ?? 512, options);
  }
}

/** Mnih et al. 2013: 16 8×8 stride 4, 32 4×4 stride 2, 256. */
export class NIPSBody extends ConvBody {
  constructor(shape: readonly number[], options: PixelOptions & { hidden?: number }) {
    const layers = [
      { channels: 16, taps: 8, stride: 4 },
      { channels: 32, taps: 4, stride: 2 },
    ];
    super('NIPSBody', shape, layers, options.hidden ?? 256, options);
  }
}
