// Curves of several runs in one chart. Runs that differ only in their seed are one curve, their mean, with the range around it.
import { type Curve, curveTitle } from '../run/index.ts';
import { lineChart } from './line-chart.ts';
import type { Picture } from './picture.ts';

/** A group of runs: what it is called, and the curves of each. */
export interface RunGroup {
  readonly name: string;
  readonly runs: readonly (readonly Curve[])[];
}

export interface SpreadCurve {
  readonly chart: string;
  /** What was measured, e.g. "training". */
  readonly curve: string;
  /** The group. */
  readonly name: string;
  readonly runs: number;
  readonly points: readonly SpreadPoint[];
}

interface SpreadPoint {
  readonly x: number;
  /** Null where one of the runs was not finite. */
  readonly y: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** Of every curve that a run has: the mean of each group. */
export function meanCurves(groups: readonly RunGroup[]): SpreadCurve[] {
  const all = groups.flatMap(({ runs }) => runs.flat());
  const kinds = new Map(all.map(({ chart, name }) => [JSON.stringify([chart, name]), { chart, curve: name }]));
  return [...kinds.values()].flatMap(({ chart, curve }) =>
    groups.flatMap(({ name, runs }) => {
      const found = runs.flatMap((curves) => curves.find((each) => each.chart === chart && each.name === curve) ?? []);
      const points = meanOf(found.map((each) => each.points));
      return points.length > 0 ? [{ chart, curve, name, runs: found.length, points }] : [];
    }),
  );
}

type Points = Curve['points'];

/** Mean, least and greatest at each place of the first curve that all of them reach. */
function meanOf(curves: readonly Points[]): SpreadPoint[] {
  const [first, ...others] = curves;
  if (!first) return [];
  return first.flatMap(([x, y]): SpreadPoint[] => {
    const values = [y, ...others.map((points) => valueAt(points, x))];
    if (values.includes(undefined)) return [];
    const finite = values.filter((value) => value !== null && value !== undefined);
    if (finite.length < values.length) return [{ x, y: null, low: null, high: null }];
    const mean = finite.reduce((sum, value) => sum + value / finite.length, 0);
    return [{ x, y: mean, low: Math.min(...finite), high: Math.max(...finite) }];
  });
}

/** The value at x, linear between two points; undefined beyond the ends, null where a neighbour is not finite. */
function valueAt(points: Points, x: number): number | null | undefined {
  let [below, above] = [0, points.length - 1];
  if (points.length === 0 || x < points[0]![0] || x > points[above]![0]) return undefined;
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (points[middle]![0] <= x) below = middle;
    else above = middle;
  }
  const [[x0, y0], [x1, y1]] = [points[below]!, points[above]!];
  if (x === x1) return y1;
  if (x === x0) return y0;
  return y0 === null || y1 === null ? null : y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** A chart for each curve, with all groups in it. */
export function meanCharts(curves: readonly SpreadCurve[], x = 'step'): Picture[] {
  const kinds = Map.groupBy(curves, ({ chart, curve }) => curveTitle(chart, curve));
  return [...kinds].map(([title, own]) =>
    lineChart({
      title,
      x: { label: x, whole: x !== 'minutes' },
      y: { label: '' },
      spread: 'band',
      series: own.map(({ name, runs, points }) => ({
        name: runs > 1 ? `${name} (${runs} runs)` : name,
        points: points.map(({ x: at, y, low, high }) => ({
          x: at,
          y: y ?? Number.NaN,
          ...(runs > 1 && low !== null && high !== null && { low, high }),
        })),
      })),
    }),
  );
}
