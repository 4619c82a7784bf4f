// The curves of a run as charts, one for each unit.
import { type Curve, formatCount, formatNumber } from '../run/index.ts';
import { lineChart } from './line-chart.ts';
import type { Picture } from './picture.ts';

/** A chart for each unit: the loss first, then what was measured, then the rest. Each name has its last value beside it. */
export function curveCharts(curves: readonly Curve[], x = 'step'): Picture[] {
  const names = [...new Set(curves.filter(({ points }) => points.length > 0).map(({ chart }) => chart))];
  const isMeasured = (chart: string) => curves.some((curve) => curve.chart === chart && curve.name !== chart);
  const rank = (chart: string) => (chart === names[0] ? 0 : isMeasured(chart) ? 1 : 2);
  return names
    .toSorted((a, b) => rank(a) - rank(b))
    .map((chart) =>
      lineChart({
        title: chart,
        x: { label: x, whole: x !== 'minutes' },
        y: { label: '' },
        series: curves
          .filter((curve) => curve.chart === chart && curve.points.length > 0)
          .map(({ name, points }) => ({
            name: name === chart ? 'last' : name,
            note: lastOf(points),
            points: points.map(([at, value]) => ({ x: at, y: value ?? Number.NaN })),
          })),
      }),
    );
}

function lastOf(points: Curve['points']): string {
  const last = points.at(-1)![1];
  return last === null ? 'not finite' : last >= 10_000 ? formatCount(last) : formatNumber(last);
}
