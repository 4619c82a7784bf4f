// Pictures: decoded to the pixels that Pillow gives, refused when a pixel is in doubt; what is written is read back; sizes and
// colours as Pillow makes them; grids put every image in its place.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fault, golden } from '../../../../tests/files.ts';
import { callOperator, scope, type Tensor, tensor, zeros } from '../torch/index.ts';
import { writeImageGrid } from './grid.ts';
import { temporaryFolder } from './images.testing.ts';
import { decodePicture, type Picture, readPicture } from './picture.ts';
import { toBytes } from './pixels.ts';
import { writePng } from './png.ts';
import { toSquare } from './square.ts';

const grey = (width: number, height: number, values: ArrayLike<number>): Picture => ({
  width,
  height,
  data: Uint8Array.from(Array.from(values, (value) => [value, value, value, 255]).flat()),
});

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG file of any header: its pixels as they stand before compression, and chunks that come before them. */
function png(
  width: number,
  height: number,
  depth: number,
  colour: number,
  rows: Uint8Array,
  ...more: Buffer[]
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const pixels = chunk('IDAT', deflateSync(rows));
  return Buffer.concat([signature, chunk('IHDR', header), ...more, pixels, chunk('IEND', Buffer.alloc(0))]);
}

const place = (name: string) => {
  const path = golden(`pictures/${name}`);
  return existsSync(path) ? path : fault(`images/${name}`);
};
const expected = JSON.parse(readFileSync(golden('pictures/expected.json'), 'utf8')) as Record<
  string,
  { size: [number, number]; sha256: string }
>;
const damaged = readdirSync(golden('pictures')).filter((name) => name.startsWith('damaged-'));

describe('decoding', () => {
  it.each(Object.entries(expected))('gives the pixels of Pillow: %s', async (name, { size, sha256 }) => {
    const { width, height, data } = await readPicture(place(name));
    expect([width, height]).toEqual(size);
    expect(createHash('sha256').update(data).digest('hex')).toBe(sha256);
  });

  it.each(damaged)('refuses %s, and says why', async (name) => {
    await expect(readPicture(place(name))).rejects.toThrow(
      /damaged-.* (cannot be read as a (PNG|JPEG) file: .{10}|says that it has)/,
    );
  });

  it.each([
    ['damaged-crc-idat.png', /the checksum of the chunk IDAT at byte \d+ is wrong/],
    ['damaged-ihdrcrc.png', /the checksum of the chunk IHDR at byte 8 is wrong/],
    ['damaged-cut-idat.png', /its pixels are damaged or cut short/],
    ['damaged-cutfile.png', /it ends too early, inside the chunk IDAT/],
    ['damaged-cut.jpg', /it ends too early/],
    ['damaged-12bit.jpg', /precision 12/],
    ['damaged-missing-middle.jpg', /premature end of data segment/],
    ['no-idat.png', /it holds no pixels \(no IDAT chunk\)/],
  ])('names the fault of %s', async (name, message) => {
    await expect(readPicture(place(name))).rejects.toThrow(message);
  });

  it('takes the upper half of 16-bit numbers, grey or coloured', async () => {
    const row = Uint8Array.of(0, 0x12, 0x34, 0xff, 0xfe);
    expect([...(await decodePicture(png(2, 1, 16, 0, row), 'a.png')).data]).toEqual([
      18, 18, 18, 255, 255, 255, 255, 255,
    ]);
    const colours = Uint8Array.of(0, 1, 99, 2, 99, 3, 99, 4, 99);
    expect([...(await decodePicture(png(1, 1, 16, 6, colours), 'a.png')).data]).toEqual([1, 2, 3, 4]);
  });

  it('never shows what was in memory: an index beyond the palette is black, a file cut anywhere is refused or whole', async () => {
    const palette = chunk('PLTE', Uint8Array.of(9, 9, 9));
    const beyond = png(4, 1, 8, 3, Uint8Array.of(0, 0, 1, 7, 255), palette);
    const seen = await decodePicture(beyond, 'a.png');
    expect([...seen.data.filter((_, at) => at % 4 === 0)]).toEqual([9, 0, 0, 0]);
    for (const name of ['rgb.png', '420.jpg', '420-prog.jpg', 'x.webp', 'anim.gif']) {
      const whole = readFileSync(place(name));
      const { data } = await decodePicture(whole, name);
      for (let cut = 0; cut < whole.length; cut += 97) {
        const found = await decodePicture(whole.subarray(0, cut), name).catch((error: Error) => error.message);
        if (typeof found === 'string')
          expect(found).toMatch(/^(rgb\.png|420(-prog)?\.jpg|x\.webp|anim\.gif) (is no picture|cannot be read)/);
        else expect(Buffer.from(found.data).equals(data), `${name} cut at ${cut}`).toBe(true);
      }
    }
  });

  it('looks at the size in the header before it decodes', async () => {
    const before = process.memoryUsage().rss;
    for (const [width, height] of [[60_000, 60_000], [2 ** 31 - 1, 1], [16_385, 16_384]] as const) // biome-ignore format: pairs
      await expect(decodePicture(png(width, height, 8, 2, new Uint8Array(1)), 'a.png')).rejects.toThrow(
        /^a\.png (says that it has \d+ × \d+ pixels\n {2}→ Pictures of up to 268 million pixels|cannot be read)/,
      );
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
  });

  it('goes by the first bytes, whatever the name, and names what it does not read', async () => {
    expect((await decodePicture(readFileSync(place('grey.jpg')), 'a.png')).width).toBe(37);
    for (const [start, name] of Object.entries({
      'BM    \0\0\0\0': 'a BMP file',
      'II*\0': 'a TIFF file',
      '%PDF-1.7': 'a PDF file',
    }))
      await expect(decodePicture(Buffer.from(start, 'latin1'), 'x/a.png')).rejects.toThrow(
        `x/a.png is ${name}, judging by its first bytes\n  → PNG, JPEG, WebP, GIF files are read. Convert or remove it.`,
      );
    for (const bytes of [Buffer.alloc(0), Buffer.from('text')])
      await expect(decodePicture(bytes, 'x/a.png')).rejects.toThrow(/^x\/a\.png is no picture/);
  });
});

describe('writePng', () => {
  it.each([1, 3] as const)('is read back as it was written (%d channels)', async (channels) => {
    using folder = temporaryFolder();
    const pixels = Uint8Array.from({ length: 5 * 3 * channels }, (_, i) => (i * 83) % 256);
    writePng(folder.at('a.png'), pixels, { width: 5, height: 3, channels });
    const { width, height, data } = await readPicture(folder.at('a.png'));
    expect([width, height]).toEqual([5, 3]);
    const colours = Array.from({ length: 15 }, (_, i) => [0, 1, 2].map((c) => pixels[i * channels + (c % channels)]!));
    expect([...data]).toEqual(colours.flatMap((colour) => [...colour, 255]));
    // Byte 25 is the colour type: really grey, or red, green, blue.
    expect(readFileSync(folder.at('a.png'))[25]).toBe(channels === 1 ? 0 : 2);
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

  it('gives the same numbers strip by strip as at once', () => {
    // 1,100 rows are two strips.
    const [side, size] = [1100, 13];
    const picture = grey(side, side, pattern(side));
    const at = scope(() => {
      const whole = tensor(Float32Array.from(pattern(side)), { shape: [1, 1, side, side] });
      const square = callOperator('aten::_upsample_bilinear2d_aa', whole, [size, size], false, null, null) as Tensor;
      return [...square.round().to('uint8').contiguous().bytes()];
    });
    expect([...toSquare(picture, size, 3)]).toEqual([...at, ...at, ...at]);
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
    const values = [-2, -1, -0.999, 0, 0.5, 0.9999, 1, 7];
    using images = tensor(values);
    expect([...toBytes(images)]).toEqual([0, 0, 0, 127, 191, 254, 255, 255]);
  });

  it('names the first image that is none', () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      scope(() => {
        const images = zeros([4, 1, 2, 2]);
        images.narrow(0, 2, 2).narrow(3, 1, 1).fill_(wrong);
        expect(() => toBytes(images)).toThrow(/^NaN or infinity in image 2/);
      });
  });
});

describe('writeImageGrid', () => {
  it.each([1, 3])('puts every image in its place (%d channels)', async (channels) => {
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
    const { width, height, data } = await readPicture(folder.at('deep', 'grid.png'));
    expect([width, height]).toEqual([13, 7]);
    const red = (x: number, y: number) => data[(y * width + x) * 4]!;
    const green = (x: number, y: number) => data[(y * width + x) * 4 + 1]!;
    const rows = Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => red(x, y)).join(' '));
    const [top, bottom] = ['0 9 9 9 0 49 49 49 0 89 89 89 0', '0 129 129 129 0 169 169 169 0 0 0 0 0'];
    const black = Array(13).fill(0).join(' ');
    expect(rows).toEqual([black, top, top, black, bottom, bottom, black]);
    expect(green(1, 1)).toBe(channels === 3 ? 19 : 9);
  });

  it('makes a square of sixteen, and refuses what are no images', async () => {
    using folder = temporaryFolder();
    const write = (shape: number[], options = {}) =>
      scope(() => writeImageGrid(folder.at('a.png'), zeros(shape), options));
    writeFileSync(folder.at('a.png'), 'an older file');
    write([2, 1, 8, 8], { columns: 100 });
    expect(await readPicture(folder.at('a.png'))).toMatchObject({ width: 22, height: 12 });
    write([16, 1, 8, 8]);
    expect(await readPicture(folder.at('a.png'))).toMatchObject({ width: 42, height: 42 });
    expect(() => write([16, 2, 8, 8])).toThrow(/made of images \[N, 1 or 3, H, W\], not of \[16, 2, 8, 8\]/);
    expect(() => write([0, 1, 8, 8])).toThrow(/not of \[0, 1, 8, 8\]/);
    expect(() => write([1, 8, 8])).toThrow(/not of \[1, 8, 8\]/);
    expect(() => write([1, 1, 8, 8], { columns: 0 })).toThrow(/cannot have 0 columns/);
  });
});
