// A small convolutional classifier whose last hidden layer gives the features of "CIFAR-FD" and whose probabilities give
// "CIFAR-IS": the honest substitute where there are no Inception weights. Stages of two 3×3 convolutions, each with batch
// norm and ReLU, halved in between (the plan of VGG, Simonyan & Zisserman 2015, arXiv 1409.1556); then the mean over all
// places, which is the features, and a linear layer.
//
//   B batch   C channels   K classes   D features: the last width
import { BatchNorm, Conv2d, Linear, Module } from '../../nn/index.ts';
import { maxPool2d, type Rng, type Tensor } from '../../torch/index.ts';

class ConvBlock extends Module {
  conv: Conv2d;
  norm: BatchNorm;

  constructor(inChannels: number, outChannels: number, rng: Rng) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false, rng: rng });
    this.norm = new BatchNorm(outChannels, { rng: rng });
  }

  forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x)).relu();
  }
}

export interface ClassifierShape {
  channels: number;
  numClasses: number;
  widths: readonly number[];
}

/** How many weights a classifier has at least, without making it: those of its convolutions and its last layer. */
export const leastClassifierWeights = ({ channels, numClasses, widths }: ClassifierShape): number =>
  widths.reduce(
    (sum, width, i) => sum + 9 * ((widths[i - 1] ?? channels) + width) * width,
    numClasses * widths.at(-1)!,
  );

export class ImageClassifier extends Module {
  /** Two for each stage. */
  blocks: ConvBlock[];
  fc: Linear;

  constructor({ channels, numClasses, widths }: ClassifierShape, rng: Rng) {
    super();
    this.blocks = widths.flatMap((width, i) => [
      new ConvBlock(widths[i - 1] ?? channels, width, rng),
      new ConvBlock(width, width, rng),
    ]);
    this.fc = new Linear(widths.at(-1)!, numClasses, { rng: rng });
  }

  /** [B, C, H, W] in [−1, 1] → [B, D] */
  features(x: Tensor): Tensor {
    let h = x;
    for (const [i, block] of this.blocks.entries()) {
      if (i > 0 && i % 2 === 0) h = maxPool2d(h, 2);
      h = block.forward(h);
    }
    return h.mean([2, 3]);
  }

  /** [B, C, H, W] in [−1, 1] → logits [B, K] */
  forward(x: Tensor): Tensor {
    return this.fc.forward(this.features(x));
  }
}
