// The legend above a chart: the names of its curves, each with its marker, in as many rows as they take.
import { displayWidth, fitWidth } from '../run/index.ts';
import { COLUMN, text } from './picture.ts';

const markerWidth = 31;
const gap = 18;
const rowHeight = 17;

export interface Legend {
  readonly body: string;
  readonly height: number;
}

/**
 * @param left where it begins
 * @param y the top of the first row
 * @param marker draws the marker of the i-th name, around the height y
 */
export function legendOf(
  names: readonly string[],
  { left, right, y }: { left: number; right: number; y: number },
  marker: (index: number, x: number, y: number) => string,
): Legend {
  const columns = Math.floor((right - left - markerWidth) / COLUMN);
  const parts: string[] = [];
  let [x, row] = [left, 0];
  for (const [i, whole] of names.entries()) {
    const name = fitWidth(whole, columns);
    const width = markerWidth + COLUMN * displayWidth(name);
    if (x > left && x + width > right) [x, row] = [left, row + 1];
    const middle = y + row * rowHeight + 8;
    parts.push(marker(i, x, middle), text(x + markerWidth, middle + 4, name, 'start', 'strong'));
    x += width + gap;
  }
  return { body: parts.join('\n'), height: names.length === 0 ? 0 : (row + 1) * rowHeight };
}
