// A GAN with a network and a loss of one's own; images: a folder, or the name of a data set.
import {
  ganConfig,
  type ImageGenerator,
  loadGenerator,
  type NetworkOptions,
  trainGan,
  writeSampleGrid,
} from 'tsumugi/gan';
import { Linear, Module } from 'tsumugi/nn';
import type { Tensor } from 'tsumugi/torch';

class DenseGenerator extends Module implements ImageGenerator {
  readonly latentSize = 32;
  readonly numClasses = null;
  readonly imageShape: readonly [number, number, number];
  hidden: Linear;
  last: Linear;

  constructor({ rng, size = 32, channels = 3 }: NetworkOptions) {
    super();
    this.imageShape = [channels, size, size];
    this.hidden = new Linear(this.latentSize, 256, { rng });
    this.last = new Linear(256, channels * size * size, { rng });
  }

  forward(z: Tensor): Tensor {
    return this.last
      .forward(this.hidden.forward(z).relu())
      .tanh()
      .view([-1, ...this.imageShape]);
  }
}

const generator = { name: 'dense', make: (options: NetworkOptions) => new DenseGenerator(options) };
// Least squares (Mao et al. 2017, arXiv 1611.04076); r and f are the logits of real and fake images.
const loss = {
  name: 'least squares',
  discriminator: (r: Tensor, f: Tensor) => r.sub(1).square().mean().add(f.square().mean()),
  generator: (f: Tensor) => f.sub(1).square().mean(),
};

const [data = 'mnist', out = 'runs/own-gan', steps = '500'] = process.argv.slice(2);
const config = ganConfig.parse({ data, out, steps: Number(steps), width: 1 / 8, setting: 'D' });
const { folder } = await trainGan(config, { generator, loss });
using trained = loadGenerator(folder!, { generator }).generator;
writeSampleGrid(`${out}/samples.png`, trained, { count: 25, seed: 0 });
