// Many images in one PNG file, in rows and columns.
import { ConfigError, checkOptions, type OptionNames, ShapeError } from '../base/index.ts';
import type { Tensor } from '../torch/index.ts';
import { toBytes } from './pixels.ts';
import { writePng } from './png.ts';

export interface GridOptions {
  /** Images in a row, all where there are fewer. Default: as many as make the grid about square. */
  columns?: number | undefined;
  /** Black pixels around every image. Default 2. */
  padding?: number | undefined;
}

const gridOptions: OptionNames<GridOptions> = { columns: true, padding: true };

/**
 * Writes images [N, C, H, W], float in [−1, 1], C 1 or 3, as one PNG file: the first row holds the first `columns` of them.
 *
 * @throws ShapeError for another shape; ConfigError for impossible options
 */
export function writeImageGrid(path: string, images: Tensor, options: GridOptions = {}): void {
  checkOptions('writeImageGrid', options, gridOptions);
  const { shape } = images;
  const [count, channels, height, width] = shape as [number, number, number, number];
  if (shape.length !== 4 || !(channels === 1 || channels === 3) || count * height * width === 0)
    throw new ShapeError('not-images', `a grid is made of images [N, 1 or 3, H, W], not of [${shape.join(', ')}]`, {
      fields: { shape },
    });
  const { columns = Math.ceil(Math.sqrt(count)), padding = 2 } = options;
  if (!(Number.isInteger(columns) && columns >= 1 && Number.isInteger(padding) && padding >= 0))
    throw new ConfigError('grid', `a grid cannot have ${columns} columns and a padding of ${padding}`, {
      remedy: 'Columns are a whole number from 1, the padding one from 0.',
      fields: { columns, padding },
    });
  const across = Math.min(columns, count);
  const rows = Math.ceil(count / across);
  const [cellWidth, cellHeight] = [width + padding, height + padding];
  const size = { width: across * cellWidth + padding, height: rows * cellHeight + padding, channels } as const;
  const pixels = new Uint8Array(size.width * size.height * channels);
  const bytes = toBytes(images);
  for (let at = 0; at < bytes.length; at++) {
    // at = ((image · C + channel) · H + y) · W + x
    const x = at % width;
    const y = Math.floor(at / width) % height;
    const channel = Math.floor(at / (width * height)) % channels;
    const image = Math.floor(at / (width * height * channels));
    const left = padding + (image % across) * cellWidth + x;
    const top = padding + Math.floor(image / across) * cellHeight + y;
    pixels[(top * size.width + left) * channels + channel] = bytes[at]!;
  }
  writePng(path, pixels, size);
}
