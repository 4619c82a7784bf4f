// What every data set of images becomes: bytes [N, C, H, W] in memory, with labels where there are classes.
import { ConfigError, cacheFolder, invariant, sha256 } from '../base/index.ts';

/** `all` for images that nobody has split. */
export type Split = 'train' | 'test' | 'all';

export interface ImageSet {
  readonly name: string;
  readonly split: Split;
  /** N. */
  readonly count: number;
  /** C: 1 (grey) or 3 (red, green, blue). */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [N, C, H, W], 0 to 255. */
  readonly pixels: Uint8Array;
  /** [N], indices of `classNames`. */
  readonly labels?: Int32Array;
  readonly classNames?: readonly string[];
  /** Where the images come from: a package with its version, or a folder. */
  readonly source: string;
  readonly licence: string;
}

export interface OpenOptions {
  /** Where data sets are kept. Default: `defaultDataFolder()`. */
  folder?: string | undefined;
  /** Told what takes long, a line at a time. */
  report?: ((line: string) => void) | undefined;
}

/** SHA-256 of images and classes: tells one set from another, wherever they come from. */
export function imagesHash({ channels, height, width, pixels, labels, classNames }: ImageSet): string {
  const marks = labels && sha256(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  return sha256(JSON.stringify([channels, height, width, sha256(pixels), marks ?? null, classNames ?? null]));
}

/** `TSUMUGI_DATA`, otherwise `tsumugi/data` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function defaultDataFolder(): string {
  return process.env['TSUMUGI_DATA'] || cacheFolder('data');
}

/**
 * The images with a black border on all sides, so that they are `size` by `size`.
 *
 * @throws ConfigError when the border would not be the same on both sides, or be cut off
 */
export function padTo(set: ImageSet, size: number): ImageSet {
  const { count, channels, height, width } = set;
  invariant(height === width, 'only square images are padded');
  if (size === height) return set;
  if (!Number.isInteger(size) || size < height || (size - height) % 2 !== 0)
    throw new ConfigError(
      'image-size',
      `${set.name} has images of ${height}×${width}, which cannot be padded to ${size}`,
      {
        remedy: `Ask for ${height}, ${height + 2}, ${height + 4}, …`,
        fields: { size, height },
      },
    );
  const border = (size - height) / 2;
  const pixels = new Uint8Array(count * channels * size * size);
  for (let row = 0; row < count * channels * height; row++) {
    const [plane, y] = [Math.floor(row / height), row % height];
    const to = (plane * size + border + y) * size + border;
    pixels.set(set.pixels.subarray(row * width, (row + 1) * width), to);
  }
  return { ...set, height: size, width: size, pixels };
}
