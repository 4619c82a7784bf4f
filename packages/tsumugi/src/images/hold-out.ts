// A test set for images that nobody has split: of every class a tenth, drawn from the seed, that training does not see.
import { DataError, deriveSeed, RandomStream } from '../base/index.ts';
import type { ImageSet, Split } from './image-set.ts';

const SHARE = 0.1;

/** The images of these numbers, in their order. */
function pick(set: ImageSet, numbers: readonly number[], split: Split): ImageSet {
  const size = set.channels * set.height * set.width;
  const pixels = new Uint8Array(numbers.length * size);
  for (const [i, number] of numbers.entries())
    pixels.set(set.pixels.subarray(number * size, (number + 1) * size), i * size);
  const labels = set.labels && Int32Array.from(numbers, (number) => set.labels![number]!);
  return { ...set, split, count: numbers.length, pixels, ...(labels && { labels }) };
}

/**
 * A tenth of every class (at least one image) for testing, the rest for training.
 *
 * @throws DataError when a class has a single image
 */
export function holdOut(set: ImageSet, seed: number): { train: ImageSet; test: ImageSet } {
  const classes = new Map<number, number[]>();
  for (let image = 0; image < set.count; image++) {
    const label = set.labels?.[image] ?? 0;
    if (!classes.has(label)) classes.set(label, []);
    classes.get(label)!.push(image);
  }
  const held = new Set<number>();
  for (const [label, images] of classes) {
    if (images.length < 2)
      throw new DataError(
        'too-few-images',
        `class "${set.classNames?.[label] ?? label}" of ${set.name} has one image`,
        {
          remedy: 'Give each class two images at least: one to train on, one to test with.',
          fields: { label, dataset: set.name },
        },
      );
    const order = Uint32Array.from(images);
    new RandomStream(deriveSeed(seed, 'held out', label)).shuffle(order);
    for (const image of order.subarray(0, Math.max(1, Math.round(images.length * SHARE)))) held.add(image);
  }
  const numbers = Array.from({ length: set.count }, (_, image) => image);
  return {
    train: pick(
      set,
      numbers.filter((image) => !held.has(image)),
      'train',
    ),
    test: pick(
      set,
      numbers.filter((image) => held.has(image)),
      'test',
    ),
  };
}
