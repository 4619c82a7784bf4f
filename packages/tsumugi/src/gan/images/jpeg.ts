// JPEG files through npm jpeg-js (baseline and progressive), turned the way the camera was held.
import jpeg from 'jpeg-js';
import { DataError } from '../../base/index.ts';
import type { Picture } from './png.ts';

const ORIENTATION = 0x0112;

/**
 * The orientation in a JPEG's Exif block: 1 (as stored) to 8, 1 when there is none. Exif 2.3 §4.6: after the name a TIFF
 * header (byte order, 42, offset of the first directory), a directory of 12-byte entries (tag, type, count, value).
 *
 * @param exif what follows `Exif\0`: a zero byte and the TIFF block
 */
export function exifOrientation(exif: Uint8Array | undefined): number {
  if (!exif || exif.length < 9) return 1;
  const view = new DataView(exif.buffer, exif.byteOffset + 1, exif.byteLength - 1);
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return 1;
  const entries = view.getUint16(directory, little);
  for (let entry = directory + 2; entry < directory + 2 + 12 * entries && entry + 12 <= view.byteLength; entry += 12) {
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** The picture as it is to be looked at. */
export function turn(picture: Picture, orientation: number): Picture {
  if (orientation === 1) return picture;
  const { width, height, data } = picture;
  // 5 to 8 lie on their side. Each orientation: where the pixel at (x, y) of the upright picture is stored.
  const [uprightWidth, uprightHeight] = orientation >= 5 ? [height, width] : [width, height];
  const [right, bottom] = [width - 1, height - 1];
  const stored: Readonly<Record<number, (x: number, y: number) => [number, number]>> = {
    2: (x, y) => [right - x, y],
    3: (x, y) => [right - x, bottom - y],
    4: (x, y) => [x, bottom - y],
    5: (x, y) => [y, x],
    6: (x, y) => [y, bottom - x],
    7: (x, y) => [right - y, bottom - x],
    8: (x, y) => [right - y, x],
  };
  const upright = new Uint8Array(data.length);
  for (let y = 0; y < uprightHeight; y++)
    for (let x = 0; x < uprightWidth; x++) {
      const [fromX, fromY] = stored[orientation]!(x, y);
      const from = (fromY * width + fromX) * 4;
      upright.set(data.subarray(from, from + 4), (y * uprightWidth + x) * 4);
    }
  return { width: uprightWidth, height: uprightHeight, data: upright };
}

/** Decodes the bytes of a JPEG file, called `name` in errors. @throws DataError when they are none, or damaged */
export function decodeJpeg(bytes: Buffer, name: string): Picture {
  try {
    const { width, height, data, exifBuffer } = jpeg.decode(bytes, {
      useTArray: true,
      tolerantDecoding: false,
    }) as Picture & { exifBuffer?: Uint8Array };
    return turn({ width, height, data }, exifOrientation(exifBuffer));
  } catch (cause) {
    throw new DataError('not-jpeg', `${name} cannot be read as a JPEG file: ${(cause as Error).message}`, {
      remedy: 'Correct, convert (to PNG) or remove the file.',
      fields: { file: name },
      cause,
    });
  }
}
