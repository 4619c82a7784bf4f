// Batches: every image once in an epoch, the same for the same seed and step whatever came before, exact in their numbers.
import { expect, it } from 'vitest';
import { scope } from '../torch/index.ts';
import { ImageBatches } from './batches.ts';
import { toySet } from './images.testing.ts';

const set = toySet(10, 3, 4);

it('shows every image once in an epoch, across the edges of batches', () => {
  const batches = new ImageBatches(set, { batchSize: 4, seed: 1 });
  const seen = [0, 1, 2, 3, 4].flatMap((step) => [...batches.indices(step)]);
  const all = Array.from({ length: 10 }, (_, i) => i);
  const [first, second] = [seen.slice(0, 10), seen.slice(10)];
  expect(first.toSorted((a, b) => a - b)).toEqual(all);
  expect(second.toSorted((a, b) => a - b)).toEqual(all);
  expect(first).not.toEqual(second);
  expect(first).not.toEqual(all);
  expect(batches.perEpoch).toBe(2.5);
});

it('depends on seed and step alone', () => {
  const at = (seed: number, ...steps: number[]) => {
    const batches = new ImageBatches(set, { batchSize: 4, seed, flip: true });
    const last = steps.map((step) => {
      return scope(() => [...batches.at(step).images.bytes()]);
    });
    return last.at(-1);
  };
  expect(at(1, 5)).toEqual(at(1, 0, 7, 2, 5));
  expect(at(1, 5)).not.toEqual(at(2, 5));
  expect(at(1, 5)).not.toEqual(at(1, 6));
});

it('gives each image its label and its pixels as x/128 − 1 + u, u below 1/128', () => {
  const batches = new ImageBatches(set, { batchSize: 10, seed: 3 });
  const { images, labels } = batches.at(0);
  using _images = images;
  using _labels = labels!;
  const indices = batches.indices(0);
  expect([images.dtype, images.shape, labels!.dtype]).toEqual(['float32', [10, 3, 4, 4], 'int64']);
  expect(labels!.tolist()).toEqual(Array.from(indices, (index) => index % 3));
  const noise = Array.from(images.data() as Float32Array, (value, at) => {
    const [image, inside] = [Math.floor(at / 48), at % 48];
    return (value + 1) * 128 - set.pixels[indices[image]! * 48 + inside]!;
  });
  expect(Math.min(...noise)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...noise)).toBeLessThan(1);
  // 480 uniform numbers: mean ½ ± 5 standard errors, and no two the same by accident of the generator.
  expect(Math.abs(noise.reduce((a, b) => a + b) / 480 - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / 480));
  expect(new Set(noise).size).toBeGreaterThan(470);
});

it('stays below 1 for the brightest byte', () => {
  const white = { ...toySet(1, 1, 512), pixels: new Uint8Array(512 * 512).fill(255) };
  const largest = scope(() => new ImageBatches(white, { batchSize: 1, seed: 0 }).at(0).images.max().item());
  expect(largest).toBeLessThan(1);
  expect(largest).toBeGreaterThan(0.9999);
});

it('mirrors about half of the images when asked to, and none otherwise', () => {
  const mirrored = (flip: boolean) => {
    const batches = new ImageBatches(set, { batchSize: 100, seed: 4, flip });
    // Images get brighter to the right; a step is more than the noise.
    const data = scope(() => batches.at(0).images.data());
    return Array.from({ length: 100 }, (_, i) => Number(data[i * 48]) > Number(data[i * 48 + 3])).filter(Boolean)
      .length;
  };
  expect(mirrored(false)).toBe(0);
  expect(Math.abs(mirrored(true) - 50)).toBeLessThan(25);
});

it('refuses a set that does not fit its own numbers, and impossible batches', () => {
  const make =
    (more: object, batchSize = 2) =>
    () =>
      new ImageBatches({ ...set, ...more }, { batchSize, seed: 0 });
  expect(make({ count: 11 })).toThrow(/\[11, 3, 4, 4\] does not fit 480 bytes of pixels and 10 labels/);
  expect(make({ labels: new Int32Array(9) })).toThrow(/9 labels/);
  expect(make({}, 0)).toThrow(/batch size should be a whole number from 1 and is 0/);
});
