// The residual blocks (Miyato et al. 2018, arXiv 1802.05957, figure 8, and the authors' code).
//
//   generator:      BN → ReLU → unpool ×2 → 3×3 → BN → ReLU → 3×3      shortcut: unpool ×2 → 1×1
//   discriminator:  ReLU → 3×3 → ReLU → 3×3 → average pool 2×2         shortcut: 1×1 → average pool 2×2
//   its first one:  3×3 → ReLU → 3×3 → average pool 2×2                shortcut: average pool 2×2 → 1×1
//
// A discriminator's block without pooling that keeps its channels has the identity as its shortcut. 1×1 convolutions
// commute with pooling and unpooling; they are done where there are fewer pixels.
import {
  Conv2d,
  type Initializer,
  Module,
  type WeightNormalization,
  xavierUniform,
  zerosInit,
} from '../../nn/index.ts';
import { avgPool2d, type Rng, type Tensor, upsampleNearest2d } from '../../torch/index.ts';
import { type GeneratorNorm, generatorNorm } from './batch-norm.ts';

export interface BlockOptions {
  rng: Rng;
  weightNormalization?: WeightNormalization | undefined;
  /** Initial weights instead of Glorot's. */
  weightInit?: Initializer | undefined;
}

/** A 3×3 convolution, at first Glorot-uniform with a gain of √2. */
export const conv3x3 = (inChannels: number, outChannels: number, options: BlockOptions, gain = Math.SQRT2): Conv2d =>
  new Conv2d(inChannels, outChannels, 3, {
    ...options,
    weightInit: options.weightInit ?? xavierUniform({ gain }),
    biasInit: zerosInit(),
    padding: 1,
  });

/** A shortcut's 1×1 convolution, at first Glorot-uniform. */
const conv1x1 = (inChannels: number, outChannels: number, options: BlockOptions): Conv2d =>
  new Conv2d(inChannels, outChannels, 1, {
    ...options,
    weightInit: options.weightInit ?? xavierUniform(),
    biasInit: zerosInit(),
  });

/** Every pixel four times. */
function unpool(x: Tensor): Tensor {
  return upsampleNearest2d(x, [2 * x.size(2), 2 * x.size(3)]);
}

const pool = (x: Tensor): Tensor => avgPool2d(x, 2);

/** [B, C, H, W] → [B, O, 2H, 2W] */
export class UpBlock extends Module {
  norm1: GeneratorNorm;
  conv1: Conv2d;
  norm2: GeneratorNorm;
  conv2: Conv2d;
  shortcut: Conv2d;

  constructor(inChannels: number, outChannels: number, numClasses: number | null, rng: Rng) {
    super();
    this.norm1 = generatorNorm(inChannels, numClasses, rng);
    this.conv1 = conv3x3(inChannels, outChannels, { rng: rng });
    this.norm2 = generatorNorm(outChannels, numClasses, rng);
    this.conv2 = conv3x3(outChannels, outChannels, { rng: rng });
    this.shortcut = conv1x1(inChannels, outChannels, { rng: rng });
  }

  forward(x: Tensor, labels?: Tensor): Tensor {
    const h = this.conv1.forward(unpool(this.norm1.forward(x, labels).relu()));
    return this.conv2.forward(this.norm2.forward(h, labels).relu()).add(unpool(this.shortcut.forward(x)));
  }
}

export interface DownBlockOptions extends BlockOptions {
  /** Whether it halves height and width. */
  pooled: boolean;
  /** Whether it is the first, which has no ReLU before its first convolution: its input is the image. */
  first: boolean;
}

/** [B, C, H, W] → [B, O, H/2, W/2], or [B, O, H, W] when it does not pool. */
export class DownBlock extends Module {
  conv1: Conv2d;
  conv2: Conv2d;
  shortcut: Conv2d | null;
  readonly #pooled: boolean;
  readonly #first: boolean;

  constructor(inChannels: number, outChannels: number, { pooled, first, ...options }: DownBlockOptions) {
    super();
    this.#pooled = pooled;
    this.#first = first;
    const hidden = first ? outChannels : inChannels;
    this.conv1 = conv3x3(inChannels, hidden, options);
    this.conv2 = conv3x3(hidden, outChannels, options);
    this.shortcut = pooled || inChannels !== outChannels ? conv1x1(inChannels, outChannels, options) : null;
  }

  forward(x: Tensor): Tensor {
    const sized = (h: Tensor) => (this.#pooled ? pool(h) : h);
    const h = this.conv2.forward(this.conv1.forward(this.#first ? x : x.relu()).relu());
    const shortcut = sized(x);
    return sized(h).add(this.shortcut?.forward(shortcut) ?? shortcut);
  }
}
