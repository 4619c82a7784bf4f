// A curve in one line of text.
import { scaleOf } from './scale.ts';

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

export interface SparklineOptions {
  columns?: number;
  /** For terminals that have no blocks. */
  ascii?: boolean;
  /** The values of the lowest and the highest block: those of the curve when left out. Shared by curves to be compared. */
  low?: number | undefined;
  high?: number | undefined;
}

/**
 * One character per value, or per mean of neighbours when there are more than `columns`; "×" where a value was not finite.
 * The lowest is the lowest block.
 */
export function sparkline(values: readonly number[], options: SparklineOptions = {}): string {
  const { columns = 40, ascii = false } = options;
  const points = condense(values, columns);
  const finite = points.filter(Number.isFinite);
  const levels = ascii ? asciiBlocks : blocks;
  const ends = [options.low ?? Math.min(...finite), options.high ?? Math.max(...finite)];
  const { place } = scaleOf({ label: '' }, ends, [0, levels.length - 1]);
  return points
    .map((value) => {
      if (!Number.isFinite(value)) return ascii ? 'x' : '×';
      // Where all are equal, the lowest block says so.
      const level = ends[0] === ends[1] ? 0 : Math.round(place(value));
      return levels[Math.min(levels.length - 1, Math.max(0, level))];
    })
    .join('');
}
