// The files of the data sets: read as they are, and refused by file and place when they are not as they should be.
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeSafetensors } from '../store/index.ts';
import { scope, tensor } from '../torch/index.ts';
import { type ImageSet, padTo } from './image-set.ts';
import { idx, temporaryFolder, toySet } from './images.testing.ts';
import { packedSet } from './packed-set.ts';
import { writePng } from './png.ts';
import { readCifarLabels, readCifarPng } from './sets/cifar10.ts';
import { readFashionClass } from './sets/fashion-mnist.ts';
import { readIdx } from './sets/idx.ts';
import { readMnistPair } from './sets/mnist.ts';

const [IMAGES, LABELS] = [0x803, 0x801];

describe('IDX', () => {
  it('reads images and labels', () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('i'), idx(IMAGES, [2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]));
    writeFileSync(folder.at('l'), idx(LABELS, [2], [7, 0]));
    const pair = readMnistPair(folder.at('i'), folder.at('l'));
    expect({ ...pair, pixels: [...pair.pixels], labels: [...pair.labels] }).toEqual({
      count: 2,
      height: 2,
      width: 3,
      labels: [7, 0],
      pixels: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255],
    });
  });

  it.each([
    [Buffer.alloc(3), /its header should have 16 bytes, the file has 3/],
    [idx(LABELS, [1, 1, 1], [0]), /should begin with 0x00000803 .* but begins with 0x00000801/],
    [idx(IMAGES, [2, 2, 2], [0, 0, 0, 0, 0, 0, 0]), /\[2, 2, 2\] needs 8 bytes from byte 16 on, there are 7/],
    [idx(IMAGES, [1, 1, 2], [0, 0, 0]), /needs 2 bytes from byte 16 on, there are 3/],
  ])('refuses a broken file (%#)', (bytes, message) => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('broken'), bytes);
    expect(() => readIdx(folder.at('broken'), 3)).toThrow(expect.objectContaining({ code: 'bad-data' }));
    expect(() => readIdx(folder.at('broken'), 3)).toThrow(message);
    expect(() => readIdx(folder.at('broken'), 3)).toThrow(folder.at('broken'));
  });

  it('refuses labels that do not belong to the images', () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('i'), idx(IMAGES, [2, 1, 1], [1, 2]));
    writeFileSync(folder.at('l'), idx(LABELS, [3], [1, 2, 3]));
    expect(() => readMnistPair(folder.at('i'), folder.at('l'))).toThrow(/holds 3 labels for the 2 images of/);
    writeFileSync(folder.at('l'), idx(LABELS, [2], [1, 10]));
    expect(() => readMnistPair(folder.at('i'), folder.at('l'))).toThrow(/label 1 should be from 0 to 9 and is 10/);
  });
});

describe('CIFAR-10', () => {
  it('reads an image from every row of the PNG file, plane by plane', async () => {
    using folder = temporaryFolder();
    const pixels = Uint8Array.from({ length: 2 * 1024 * 3 }, (_, at) => (at * 7) % 251);
    writePng(folder.at('a.png'), pixels, { width: 1024, height: 2, channels: 3 });
    const planes = await readCifarPng(folder.at('a.png'), 2);
    // Image 1, green, row 2, column 5.
    expect(planes[3072 + 1024 + 2 * 32 + 5]).toBe(pixels[(1024 + 2 * 32 + 5) * 3 + 1]);
    expect(planes.toSorted()).toEqual(pixels.toSorted());
    await expect(readCifarPng(folder.at('a.png'), 3)).rejects.toThrow(
      /should be 1024 pixels wide and 3 high but is 1024 by 2/,
    );
    truncateSync(folder.at('a.png'), 200);
    await expect(readCifarPng(folder.at('a.png'), 2)).rejects.toThrow(/a\.png cannot be read as a PNG file/);
  });

  it('checks the labels', () => {
    using folder = temporaryFolder();
    const read = (text: string) => {
      writeFileSync(folder.at('l.json'), text);
      return readCifarLabels(folder.at('l.json'), 3);
    };
    expect([...read('[6,9,0]')]).toEqual([6, 9, 0]);
    expect(() => read('[6,9]')).toThrow(/l\.json: should be a list of 3 labels/);
    expect(() => read('[6,9,10]')).toThrow(/label 2 should be a whole number from 0 to 9 and is 10/);
    expect(() => read('[6,9,')).toThrow(/l\.json is not valid JSON/);
  });
});

describe('Fashion-MNIST', () => {
  const row = (value: number) => Array<number>(784).fill(value);
  const read = (rows: unknown) => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('0.json'), JSON.stringify({ data: rows }));
    return readFashionClass(folder.at('0.json'), 2);
  };

  it('passes over empty rows', () => {
    const pixels = read([row(3), [], row(4), []]);
    expect([pixels.length, pixels[783], pixels[784]]).toEqual([1568, 3, 4]);
  });

  it('refuses what is no image', () => {
    expect(() => read({})).toThrow(/0\.json: should hold \{"data"/);
    expect(() => read([row(3), row(4).slice(1)])).toThrow(/row 1 should have 784 pixels and has 783/);
    expect(() => read([row(3), row(0.5)])).toThrow(/row 1, pixel 0 should be a whole number from 0 to 255 and is 0\.5/);
    expect(() => read([row(3)])).toThrow(/should hold 2 images and holds 1/);
    expect(() => read([row(3), row(3), row(3)])).toThrow(/should hold 2 images and holds 3/);
  });
});

describe('padTo', () => {
  it('puts a black border around every image', () => {
    const set = toySet(2, 1, 2);
    const padded = padTo(set, 6);
    expect([padded.height, padded.width, padded.pixels.length]).toEqual([6, 6, 72]);
    const second = Array.from({ length: 6 }, (_, y) => [...padded.pixels.subarray(36 + 6 * y, 36 + 6 * y + 6)]);
    const black = [0, 0, 0, 0, 0, 0];
    expect(second).toEqual([black, black, [0, 0, 1, 2, 0, 0], [0, 0, 1, 2, 0, 0], black, black]);
    expect(() => padTo(set, 5)).toThrow(/images of 2×2, which cannot be padded to 5/);
    expect(() => padTo(set, 0)).toThrow(/cannot be padded to 0/);
  });
});

describe('packedSet', () => {
  it('decodes once, and again when the file is damaged', async () => {
    using folder = temporaryFolder();
    const path = folder.at('deep', 'toy.safetensors');
    let decoded = 0;
    const decode = async (): Promise<ImageSet> => {
      decoded++;
      return toySet(4, 3, 5);
    };
    expect(await packedSet(path, decode)).toEqual(toySet(4, 3, 5));
    expect(await packedSet(path, decode)).toEqual(toySet(4, 3, 5));
    expect(decoded).toBe(1);
    writeFileSync(path, readFileSync(path).subarray(0, -10));
    expect(await packedSet(path, decode)).toEqual(toySet(4, 3, 5));
    expect(await packedSet(path, decode)).toEqual(toySet(4, 3, 5));
    expect(decoded).toBe(2);
    // A byte of the pixels, and one of the names of the classes.
    for (const place of [(bytes: Buffer) => bytes.length - 1, (bytes: Buffer) => bytes.indexOf('classNames') + 18]) {
      const bytes = readFileSync(path);
      bytes[place(bytes)]! ^= 1;
      writeFileSync(path, bytes);
      expect(await packedSet(path, decode)).toEqual(toySet(4, 3, 5));
    }
    expect(decoded).toBe(4);
    for (const classNames of ['[', '["a", 1]', '[]']) {
      const { pixels, count, channels, height, width } = toySet(4, 3, 5);
      scope(() =>
        writeSafetensors(path, [['pixels', tensor(pixels, { shape: [count, channels, height, width] })]], {
          name: 'a',
          split: 'all',
          source: 'a',
          licence: 'a',
          content: 'a',
          classNames,
        }),
      );
      expect(await packedSet(path, decode)).toEqual(toySet(4, 3, 5));
    }
    expect(decoded).toBe(7);
    scope(() => writeSafetensors(path, [['other', tensor(new Uint8Array(4))]]));
    expect(await packedSet(path, decode)).toEqual(toySet(4, 3, 5));
  });

  it('gives the images also where they cannot be kept', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('file'), '');
    const path = folder.at('file', 'toy.safetensors');
    expect(await packedSet(path, async () => toySet(4, 3, 5))).toEqual(toySet(4, 3, 5));
  });
});
