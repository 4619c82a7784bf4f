// Batches to train on. Batch `step` follows from the seed and the step alone, so a run that is resumed sees what it would
// have seen. An epoch is a shuffle of all images; batches run on across the edge between two.
import { ConfigError, checkOptions, deriveSeed, type OptionNames, RandomStream, ShapeError } from '../base/index.ts';
import { type Device, factoryDevice, scope, type Tensor, tensor } from '../torch/index.ts';
import type { ImageSet } from './image-set.ts';
import { dequantise } from './pixels.ts';

export interface BatchOptions {
  /** B. */
  batchSize: number;
  seed: number;
  /** Mirror every image left to right with probability ½. Default false. */
  flip?: boolean | undefined;
  /** Where the tensors go. What they hold is the same on every device. Default 'cpu'. */
  device?: Device | undefined;
}

const batchOptions: OptionNames<BatchOptions> = { batchSize: true, seed: true, flip: true, device: true };

export interface ImageBatch {
  /** [B, C, H, W], float32 in [−1, 1). */
  images: Tensor;
  /** [B], int64; undefined for a set without classes. */
  labels: Tensor | undefined;
}

export class ImageBatches {
  readonly set: ImageSet;
  readonly #options: BatchOptions;
  #order: { epoch: number; images: Uint32Array } | undefined;

  /** @throws ConfigError for an impossible batch size; ShapeError when the set has fewer bytes or labels than it says */
  constructor(set: ImageSet, options: BatchOptions) {
    checkOptions('ImageBatches', options, batchOptions);
    const { count, channels, height, width, pixels, labels } = set;
    if (!(Number.isInteger(options.batchSize) && options.batchSize >= 1))
      throw new ConfigError('batch-size', `a batch size should be a whole number from 1 and is ${options.batchSize}`, {
        fields: { batchSize: options.batchSize },
      });
    if (count === 0 || pixels.length !== count * channels * height * width || (labels && labels.length !== count))
      throw new ShapeError(
        'image-set',
        `${set.name}: [${count}, ${channels}, ${height}, ${width}] does not fit ${pixels.length} bytes of pixels` +
          `${labels ? ` and ${labels.length} labels` : ''}`,
      );
    this.set = set;
    this.#options = options;
  }

  /** Batches in an epoch, N / B: not a whole number unless B divides N. */
  get perEpoch(): number {
    return this.set.count / this.#options.batchSize;
  }

  /** The numbers of the images in batch `step` (from 0), in order. */
  indices(step: number): Uint32Array {
    const { batchSize } = this.#options;
    return Uint32Array.from({ length: batchSize }, (_, i) => {
      const position = step * batchSize + i;
      const epoch = Math.floor(position / this.set.count);
      return this.#shuffled(epoch)[position - epoch * this.set.count]!;
    });
  }

  /** Batch `step` (from 0). */
  at(step: number): ImageBatch {
    const { batchSize, seed, flip, device = factoryDevice() } = this.#options;
    const { channels, height, width, pixels, labels } = this.set;
    const indices = this.indices(step);
    const size = channels * height * width;
    const chosen = new Uint8Array(batchSize * size);
    const coins = new RandomStream(deriveSeed(seed, 'flip', step));
    for (const [i, index] of indices.entries()) {
      const image = chosen.subarray(i * size, (i + 1) * size);
      image.set(pixels.subarray(index * size, (index + 1) * size));
      if (flip && coins.next() < 0.5) mirror(image, width);
    }
    const numbers = dequantise(chosen, new RandomStream(deriveSeed(seed, 'noise', step)));
    return scope(() => {
      const images = tensor(numbers, { shape: [batchSize, channels, height, width], device });
      const classes = labels && Int32Array.from(indices, (index) => labels[index]!);
      return { images, labels: classes && tensor(classes, { dtype: 'int64', device }) };
    });
  }

  #shuffled(epoch: number): Uint32Array {
    if (this.#order?.epoch !== epoch) {
      const images = Uint32Array.from({ length: this.set.count }, (_, i) => i);
      new RandomStream(deriveSeed(this.#options.seed, 'epoch', epoch)).shuffle(images);
      this.#order = { epoch, images };
    }
    return this.#order.images;
  }
}

/** Turns every row of `width` bytes around. */
function mirror(image: Uint8Array, width: number): void {
  for (let start = 0; start < image.length; start += width) image.subarray(start, start + width).reverse();
}
