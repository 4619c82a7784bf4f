// A curve in one line of text.
import { formatInteger, formatNumber } from './format.ts';

const blocks = '▁▂▃▄▅▆▇█';
const asciiBlocks = '_.-=+*#@';

/** Means of `columns` equal parts of the values; NaN where a part holds a value that is not finite. */
function condense(values: readonly number[], columns: number): number[] {
  if (values.length <= columns) return [...values];
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.floor(((column + 1) * values.length) / columns);
    const part = values.slice(from, to);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/**
 * One character per value, or per mean of neighbours when there are more than `columns`; "×" where a value was not finite.
 * The lowest is the lowest block.
 */
export function sparkline(values: readonly number[], columns = 40, ascii = false): string {
  const points = condense(values, columns);
  const finite = points.filter(Number.isFinite);
  const low = Math.min(...finite);
  const range = Math.max(...finite) - low;
  const levels = ascii ? asciiBlocks : blocks;
  return points
    .map((value) => {
      if (!Number.isFinite(value)) return ascii ? 'x' : '×';
      return levels[range === 0 ? 0 : Math.round(((value - low) / range) * (levels.length - 1))];
    })
    .join('');
}

/** "loss 8.314 █▆▅▃▂▁ 2.104 (1,000 steps)": the first and last value around the curve. */
export function curveLine(name: string, values: readonly number[], columns = 40, ascii = false): string {
  if (values.length === 0) return `${name} –`;
  const curve = sparkline(values, columns, ascii);
  const [first, last] = [formatNumber(values[0]!), formatNumber(values.at(-1)!)];
  return `${name} ${first} ${curve} ${last} (${formatInteger(values.length)} steps)`;
}
