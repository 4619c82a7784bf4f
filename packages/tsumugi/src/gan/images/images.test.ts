// Pictures: what is written is read back; sizes and colours as Pillow makes them; grids put every image in its place.
import { readFileSync, writeFileSync } from 'node:fs';
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { scope, tensor, zeros } from '../../torch/index.ts';
import { temporaryFolder } from '../data/testing.ts';
import { writeImageGrid } from './grid.ts';
import { decodeJpeg, exifOrientation, turn } from './jpeg.ts';
import { decodePicture } from './picture.ts';
import { decodePng, type Picture, readPng, writePng } from './png.ts';
import { toBytes } from './scale.ts';
import { toSquare } from './square.ts';

const grey = (width: number, height: number, values: ArrayLike<number>): Picture => ({
  ...{ width, height },
  data: Uint8Array.from(Array.from(values, (value) => [value, value, value, 255]).flat()),
});

describe('PNG', () => {
  it.each([1, 3] as const)('is read back as it was written (%d channels)', (channels) => {
    using folder = temporaryFolder();
    const pixels = Uint8Array.from({ length: 5 * 3 * channels }, (_, i) => (i * 83) % 256);
    writePng(folder.at('a.png'), pixels, { width: 5, height: 3, channels });
    const { width, height, data } = readPng(folder.at('a.png'));
    expect([width, height]).toEqual([5, 3]);
    const colours = Array.from({ length: 15 }, (_, i) => [0, 1, 2].map((c) => pixels[i * channels + (c % channels)]!));
    expect([...data]).toEqual(colours.flatMap((colour) => [...colour, 255]));
    // Byte 25 is the colour type: really grey, or red, green, blue.
    expect(readFileSync(folder.at('a.png'))[25]).toBe(channels === 1 ? 0 : 2);
  });

  it('refuses what is none, or cut off', () => {
    using folder = temporaryFolder();
    writePng(folder.at('a.png'), new Uint8Array(1200), { width: 20, height: 20, channels: 3 });
    const whole = readFileSync(folder.at('a.png'));
    expect(() => decodePicture(whole.subarray(0, 50), 'x/a.png')).toThrow(/as a PNG file: it ends too early/);
    for (const bytes of [Buffer.alloc(0), Buffer.from('text'), whole.subarray(0, 50)])
      expect(() => decodePng(bytes, 'x/a.png')).toThrow(/^x\/a\.png cannot be read as a PNG file: /);
  });
});

describe('JPEG', () => {
  // Written by Pillow 12.3: 32×16, progressive, red, green / blue, light grey, Exif orientation 6 (a quarter turn clockwise).
  const progressive = Buffer.from(
    '/9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcU' +
      'FhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo' +
      'KCgoKCgoKCj/wgARCAAQACADASIAAhEBAxEB/8QAGAABAAMBAAAAAAAAAAAAAAAAAAQFBgf/xAAWAQEBAQAAAAAAAAAAAAAAAAAFBAb/2gAMAwEAAhADEAAAAaNB' +
      'XLax0IFlP//EABQQAQAAAAAAAAAAAAAAAAAAADD/2gAIAQEAAQUCD//EABkRAAIDAQAAAAAAAAAAAAAAAAAVYmOh4f/aAAgBAwEBPwF7XvBbLD//xAAaEQABBQEA' +
      'AAAAAAAAAAAAAAAAFBVhY6Hh/9oACAECAQE/AWKzOiKT/8QAFBABAAAAAAAAAAAAAAAAAAAAMP/aAAgBAQAGPwIP/8QAFBABAAAAAAAAAAAAAAAAAAAAMP/aAAgB' +
      'AQABPyEP/9oADAMBAAIAAwAAABDIP//EABYRAQEBAAAAAAAAAAAAAAAAAADw8f/aAAgBAwEBPxBF6f/EABcRAQADAAAAAAAAAAAAAAAAAAAR4fD/2gAIAQIBAT8Q' +
      'RmLf/8QAFBABAAAAAAAAAAAAAAAAAAAAMP/aAAgBAQABPxAP/9k=',
    'base64',
  );

  it('decodes a progressive file and turns it upright, as Pillow does', () => {
    const { width, height, data } = decodeJpeg(progressive, 'a.jpg');
    expect([width, height]).toEqual([16, 32]);
    const expected = new Map([
      [3 * 16 + 3, [36, 51, 214]],
      [3 * 16 + 12, [223, 30, 25]],
      [28 * 16 + 3, [227, 231, 230]],
      [28 * 16 + 12, [34, 197, 42]],
    ]);
    // The two round differently on the way from frequencies to colours.
    for (const [at, colour] of expected)
      for (const c of [0, 1, 2]) expect(Math.abs(data[at * 4 + c]! - colour[c]!), `pixel ${at}`).toBeLessThanOrEqual(3);
  });

  it('knows all eight orientations', () => {
    // As stored when the upright picture is A B / C D / E F (Exif 2.3: where row 0 and column 0 lie).
    const stored: Record<number, [number, string]> = {
      ...{ 1: [2, 'ABCDEF'], 2: [2, 'BADCFE'], 3: [2, 'FEDCBA'], 4: [2, 'EFCDAB'] },
      ...{ 5: [3, 'ACEBDF'], 6: [3, 'BDFACE'], 7: [3, 'FDBECA'], 8: [3, 'ECAFDB'] },
    };
    for (const [orientation, [width, letters]] of Object.entries(stored)) {
      const picture = grey(width, 6 / width, Buffer.from(letters));
      const upright = turn(picture, Number(orientation));
      expect([upright.width, upright.height], orientation).toEqual([2, 3]);
      expect(Buffer.from(upright.data.filter((_, at) => at % 4 === 0)).toString(), orientation).toBe('ABCDEF');
    }
  });

  it('takes an Exif block it cannot read for none', () => {
    for (const exif of [
      undefined,
      new Uint8Array(3),
      new Uint8Array(40).fill(255),
      Buffer.from('\0II*\0\x08\0\0\0\x09\0'),
    ])
      expect(exifOrientation(exif)).toBe(1);
  });

  it('refuses what is none, or cut off', () => {
    const { data } = jpeg.encode({ width: 40, height: 40, data: Buffer.alloc(6400, 99) }, 90);
    for (const bytes of [Buffer.alloc(0), Buffer.from('text'), data.subarray(0, 300)])
      expect(() => decodeJpeg(bytes, 'x/a.jpg')).toThrow(/^x\/a\.jpg cannot be read as a JPEG file: /);
  });
});

describe('decodePicture', () => {
  it('goes by the first bytes, whatever the name', () => {
    using folder = temporaryFolder();
    writePng(folder.at('a.png'), Uint8Array.of(77), { width: 1, height: 1, channels: 1 });
    expect([...decodePicture(readFileSync(folder.at('a.png')), 'a.jpg').data]).toEqual([77, 77, 77, 255]);
    const { data } = jpeg.encode({ width: 8, height: 8, data: Buffer.alloc(256, 99) }, 90);
    expect(decodePicture(data, 'a.png')).toMatchObject({ width: 8, height: 8 });
    for (const bytes of [Buffer.alloc(0), Buffer.from('GIF89a')])
      expect(() => decodePicture(bytes, 'x/a.png')).toThrow(/^x\/a\.png is neither a PNG nor a JPEG file/);
  });
});

describe('toSquare', () => {
  // Image.frombytes('L', …).resize((n, n), Image.BILINEAR) of Pillow 12.3; its fixed-point arithmetic may round otherwise.
  const pattern = (side: number) => Array.from({ length: side * side }, (_, i) => (i * 37 + i * i * 11) % 256);
  it.each([
    [7, 3, [114, 172, 131, 161, 123, 123, 161, 143, 156]],
    [
      5,
      8,
      [0, 21, 52, 96, 147, 204, 130, 68, 89, 82, 73, 78, 123, 211, 167, 126, 203, 163, 107, 65, 98, 208, 206, 195],
    ],
  ])('resizes %d to %d as Pillow does', (side, size, expected) => {
    const made = toSquare(grey(side, side, pattern(side)), size, 1);
    expect(made.length).toBe(size * size);
    for (const [i, value] of expected.entries())
      expect(Math.abs(made[i]! - value), `pixel ${i}`).toBeLessThanOrEqual(1);
  });

  it('cuts out the middle, plane by plane', () => {
    const wide = grey(5, 2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([...toSquare(wide, 2, 3)]).toEqual([2, 3, 7, 8, 2, 3, 7, 8, 2, 3, 7, 8]);
    const tall = grey(1, 3, [1, 2, 3]);
    expect([...toSquare(tall, 1, 1)]).toEqual([2]);
  });

  it('puts what is transparent on white, and makes grey by BT.601', () => {
    const at = (...colour: number[]) => toSquare({ width: 1, height: 1, data: Uint8Array.from(colour) }, 1, 1)[0];
    expect(at(0, 0, 0, 0)).toBe(255);
    expect(at(0, 0, 0, 51)).toBe(204);
    expect(at(200, 100, 50, 255)).toBe(124);
  });
});

describe('toBytes', () => {
  it('is clip(x · 127.5 + 127.5), cut to a whole number', () => {
    const values = [
      -2,
      -1,
      -0.999,
      0,
      0.5,
      0.9999,
      1,
      7,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ];
    using images = tensor(values);
    expect([...toBytes(images)]).toEqual([0, 0, 0, 127, 191, 254, 255, 255, 0, 255, 0]);
  });
});

describe('writeImageGrid', () => {
  it.each([1, 3])('puts every image in its place (%d channels)', (channels) => {
    using folder = temporaryFolder();
    // Image i, channel c has the byte 40 i + 10 c + 9 everywhere.
    const byte = (image: number, channel: number) => 40 * image + 10 * channel + 9;
    const values = [0, 1, 2, 3, 4].flatMap((image) =>
      Array.from({ length: channels }, (_, c) => Array<number>(6).fill((byte(image, c) + 0.5) / 127.5 - 1)).flat(),
    );
    scope(() => {
      const images = tensor(Float32Array.from(values), { shape: [5, channels, 2, 3] });
      writeImageGrid(folder.at('deep', 'grid.png'), images, { columns: 3, padding: 1 });
    });
    const { width, height, data } = readPng(folder.at('deep', 'grid.png'));
    expect([width, height]).toEqual([13, 7]);
    const red = (x: number, y: number) => data[(y * width + x) * 4]!;
    const green = (x: number, y: number) => data[(y * width + x) * 4 + 1]!;
    const rows = Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => red(x, y)).join(' '));
    const [top, bottom] = ['0 9 9 9 0 49 49 49 0 89 89 89 0', '0 129 129 129 0 169 169 169 0 0 0 0 0'];
    const black = Array(13).fill(0).join(' ');
    expect(rows).toEqual([black, top, top, black, bottom, bottom, black]);
    expect(green(1, 1)).toBe(channels === 3 ? 19 : 9);
  });

  it('makes a square of sixteen, and refuses what are no images', () => {
    using folder = temporaryFolder();
    const write = (shape: number[], options = {}) =>
      scope(() => writeImageGrid(folder.at('a.png'), zeros(shape), options));
    writeFileSync(folder.at('a.png'), 'an older file');
    write([16, 1, 8, 8]);
    expect(readPng(folder.at('a.png'))).toMatchObject({ width: 42, height: 42 });
    expect(() => write([16, 2, 8, 8])).toThrow(/made of images \[N, 1 or 3, H, W\], not of \[16, 2, 8, 8\]/);
    expect(() => write([0, 1, 8, 8])).toThrow(/not of \[0, 1, 8, 8\]/);
    expect(() => write([1, 8, 8])).toThrow(/not of \[1, 8, 8\]/);
    expect(() => write([1, 1, 8, 8], { columns: 0 })).toThrow(/cannot have 0 columns/);
  });
});
