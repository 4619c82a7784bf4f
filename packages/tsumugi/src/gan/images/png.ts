// PNG files through npm pngjs: every bit depth, palette and interlacing is read, as 8-bit red, green, blue and alpha.
import { readFileSync } from 'node:fs';
import { PNG } from 'pngjs';
import { DataError, writeFileAtomic } from '../../base/index.ts';

/** A decoded picture: `data` is [height, width, 4], red, green, blue, alpha, 0 to 255. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Decodes the bytes of a PNG file, called `name` in errors. @throws DataError when they are none, or damaged */
export function decodePng(bytes: Buffer, name: string): Picture {
  try {
    const { width, height, data } = PNG.sync.read(bytes);
    return { width, height, data };
  } catch (cause) {
    const { message } = cause as Error;
    // What pngjs says of a file that was cut off: "There are some read requests waitng on finished stream".
    const reason = message.startsWith('There are some read requests') ? 'it ends too early' : message;
    throw new DataError('not-png', `${name} cannot be read as a PNG file: ${reason}`, {
      remedy: 'Correct or remove the file.',
      fields: { file: name },
      cause,
    });
  }
}

/** @throws DataError when it is no PNG file, or damaged */
export const readPng = (path: string): Picture => decodePng(readFileSync(path), path);

/**
 * Writes an 8-bit PNG file, whole or not at all.
 *
 * @param pixels [height, width, channels], channels 1 (grey) or 3 (red, green, blue)
 */
export function writePng(
  path: string,
  pixels: Uint8Array,
  size: { width: number; height: number; channels: 1 | 3 },
): void {
  const { width, height, channels } = size;
  // PNG's numbers for grey and for red, green, blue.
  const colorType = channels === 1 ? 0 : 2;
  const picture = new PNG({ width, height });
  picture.data = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  writeFileAtomic(path, PNG.sync.write(picture, { colorType, inputColorType: colorType, inputHasAlpha: false }));
}
