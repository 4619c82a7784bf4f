// Thins thousands of points to what pixels can show: of each column of pixels the first and the last, the least and the greatest,
// and one that is not finite, so that no peak and no gap is lost.
import type { Scale } from './scale.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
  /** The spread around y: a bar, or a band where points are many. */
  readonly low?: number;
  readonly high?: number;
}

const columnWidth = 2;

export function perColumn(points: readonly Point[], xScale: Scale): readonly Point[] {
  if (points.length <= 500) return points;
  const columns = Map.groupBy(points, ({ x }) => Math.floor(xScale.place(x) / columnWidth));
  return [...columns.values()].flatMap((column) => {
    const kept = new Set([column[0]!, column.at(-1)!]);
    const finite = column.filter(({ y }) => Number.isFinite(y));
    if (finite.length > 0) {
      kept.add(finite.reduce((least, point) => (point.y < least.y ? point : least)));
      kept.add(finite.reduce((most, point) => (point.y > most.y ? point : most)));
    }
    const broken = column.find(({ y }) => !Number.isFinite(y));
    if (broken) kept.add(broken);
    return column.filter((point) => kept.has(point));
  });
}
