// The real data sets, where they have been fetched: what is known about them holds, byte for byte where checksums are known.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { sha256File } from '../base/index.ts';
import { defaultDataFolder, type ImageSet } from './image-set.ts';
import { CIFAR10_PACKAGE, openCifar10 } from './sets/cifar10.ts';
import { FASHION_MNIST_PACKAGE, openFashionMnist } from './sets/fashion-mnist.ts';
import { type DataPackage, packageFile } from './sets/fetch-package.ts';
import { MNIST_PACKAGE, openMnist } from './sets/mnist.ts';

function fetched(wanted: DataPackage) {
  const place = join(defaultDataFolder(), packageFile(wanted));
  return requires(existsSync(place), `${place} has not been fetched`);
}

/** Mean and standard deviation of the pixels of a channel, from 0 to 1. */
function moments({ count, channels, height, width, pixels }: ImageSet, channel = 0): [number, number] {
  const histogram = new Float64Array(256);
  const area = height * width;
  for (let image = 0; image < count; image++) {
    const start = (image * channels + channel) * area;
    for (let at = start; at < start + area; at++) histogram[pixels[at]!]!++;
  }
  const sum = (f: (value: number) => number) => histogram.reduce((total, n, value) => total + n * f(value / 255), 0);
  const mean = sum((value) => value) / (count * area);
  return [mean, Math.sqrt(sum((value) => value ** 2) / (count * area) - mean ** 2)];
}

function perClass({ labels }: ImageSet): number[] {
  const counts = Array<number>(10).fill(0);
  for (const label of labels!) counts[label]!++;
  return counts;
}

describe('CIFAR-10', fetched(CIFAR10_PACKAGE), () => {
  /** MD5 of 10,000 images in the original binary format: the label, then the planes. */
  const binaryMd5 = ({ pixels, labels }: ImageSet, from: number): string => {
    const hash = createHash('md5');
    for (let image = from; image < from + 10_000; image++)
      hash.update(Uint8Array.of(labels![image]!)).update(pixels.subarray(image * 3072, (image + 1) * 3072));
    return hash.digest('hex');
  };

  it('is the original test set', async () => {
    const set = await openCifar10('test');
    expect([set.count, set.channels, set.height, set.width]).toEqual([10_000, 3, 32, 32]);
    expect(binaryMd5(set, 0)).toBe('803d5f7f4d78ea53de84dbe85f74fb6d');
    expect(perClass(set)).toEqual(Array(10).fill(1000));
    expect([0, 1024, 2048].map((at) => set.pixels[at])).toEqual([158, 112, 49]);
    expect([0, 1, 2].map((channel) => moments(set, channel)[0].toFixed(5))).toEqual(['0.49421', '0.48513', '0.45041']);
  });

  it('is the original training set', async () => {
    const set = await openCifar10('train');
    expect(set.count).toBe(50_000);
    expect(binaryMd5(set, 0)).toBe('5dd7e06a14cb22eb9f671a540d1b7c25');
    expect([...set.labels!.subarray(0, 10)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    expect(perClass(set)).toEqual(Array(10).fill(5000));
    const all = [0, 1, 2].map((channel) => moments(set, channel).map((value) => value.toFixed(4)));
    expect(all).toEqual([
      ['0.4914', '0.2470'],
      ['0.4822', '0.2435'],
      ['0.4465', '0.2616'],
    ]);
  });
});

describe('MNIST', fetched(MNIST_PACKAGE), () => {
  it('is the original files', async () => {
    const [train, test] = [await openMnist('train'), await openMnist('test', { size: 32 })];
    const place = join(defaultDataFolder(), packageFile(MNIST_PACKAGE));
    expect(sha256File(join(place, 'train-images-idx3-ubyte'))).toMatch(/^ba891046/);
    expect(sha256File(join(place, 'train-labels-idx1-ubyte'))).toMatch(/^65a50cbb/);
    expect([train.count, train.height, test.count, test.height]).toEqual([60_000, 28, 10_000, 32]);
    expect([...train.labels!.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect(moments(train).map((value) => value.toFixed(4))).toEqual(['0.1307', '0.3081']);
  });
});

describe('Fashion-MNIST', fetched(FASHION_MNIST_PACKAGE), () => {
  it('is 70,000 images in our split', async () => {
    const [train, test] = [await openFashionMnist('train'), await openFashionMnist('test')];
    expect([perClass(train), perClass(test)]).toEqual([Array(10).fill(6000), Array(10).fill(1000)]);
    const all = { ...train, count: 70_000, pixels: Buffer.concat([train.pixels, test.pixels]) };
    expect(moments(all).map((value) => value.toFixed(4))).toEqual(['0.2862', '0.3530']);
    // The first class of the package, without its two empty rows.
    const place = join(defaultDataFolder(), packageFile(FASHION_MNIST_PACKAGE), '0.json');
    const rows = (JSON.parse(readFileSync(place, 'utf8')) as { data: number[][] }).data.filter((row) => row.length > 0);
    expect([...train.pixels.subarray(2000 * 10 * 784, 2000 * 10 * 784 + 784)]).toEqual(rows[2000]);
    expect([...test.pixels.subarray(0, 784)]).toEqual(rows[6000]);
  });
});
