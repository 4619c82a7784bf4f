// The names of curves above a chart, each behind a sign of its own; in as many rows as they take.
import { displayWidth, fitWidth } from '../run/index.ts';
import { COLUMN, text } from './picture.ts';

const signWidth = 31;
const gap = 18;
export const rowHeight = 17;

export interface Legend {
  readonly body: string;
  readonly height: number;
}

/**
 * @param left where it begins
 * @param y the top of the first row
 * @param sign draws the sign of the i-th name, whose middle is at the height given
 */
export function legendOf(
  names: readonly string[],
  { left, right, y }: { left: number; right: number; y: number },
  sign: (index: number, x: number, y: number) => string,
): Legend {
  const columns = Math.floor((right - left - signWidth) / COLUMN);
  const parts: string[] = [];
  let [x, row] = [left, 0];
  for (const [i, whole] of names.entries()) {
    const name = fitWidth(whole, columns);
    const width = signWidth + COLUMN * displayWidth(name);
    if (x > left && x + width > right) [x, row] = [left, row + 1];
    const middle = y + row * rowHeight + 8;
    parts.push(sign(i, x, middle), text(x + signWidth, middle + 4, name, 'start', 'strong'));
    x += width + gap;
  }
  return { body: parts.join('\n'), height: names.length === 0 ? 0 : (row + 1) * rowHeight };
}
