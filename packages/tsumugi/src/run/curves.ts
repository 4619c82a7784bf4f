// Curves, from what was measured: loss, what held-out data give, learning rate; thinned to what a picture can show.
import type { MetricValue } from './events.ts';
import { type Measurement, readMeasurements } from './measurements.ts';

export interface Curve {
  /** What it belongs to: curves of one chart have the same unit. E.g. "loss, nats per token". */
  readonly chart: string;
  /** E.g. "training", "held-out". */
  readonly name: string;
  /** [step, value] (or another axis), in their order; null where it was not finite. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

/** Longer curves are thinned to about as many points: means of neighbours, null where one of them was not finite. */
const longest = 240;

/** What a curve goes over; minutes are those of work. */
export type CurveAxis = 'step' | 'tokens' | 'minutes';

/** The curves in an event log, by chart; none when there is no log. */
export const readCurves = (eventsPath: string): Curve[] => curvesOf(readMeasurements(eventsPath));

/** What was measured as curves, those of one chart together; the loss first. */
export function curvesOf(measurements: readonly Measurement[], axis: CurveAxis = 'step'): Curve[] {
  const curves = Map.groupBy(measurements, ({ chart, name }) => JSON.stringify([chart, name]));
  const placed = [...curves.values()].map((found) => {
    const points = found.flatMap((each): [number, MetricValue][] => {
      const x = axis === 'minutes' ? each.seconds / 60 : each[axis];
      return x === null ? [] : [[x, each.value]];
    });
    return { chart: found[0]!.chart, name: found[0]!.name, points: thin(points) };
  });
  const charts = Map.groupBy(
    placed.filter(({ points }) => points.length > 0),
    ({ chart }) => chart,
  );
  return [...charts.values()].flat();
}

/** Means over equal runs of points; the last point stays as it is, where a curve has got to. */
function thin(points: readonly [number, MetricValue][]): [number, number | null][] {
  if (points.length <= longest) return [...points];
  const run = Math.ceil(points.length / longest);
  const thinned: [number, number | null][] = [];
  for (let start = 0; start < points.length; start += run) {
    const part = points.slice(start, start + run);
    const sum = part.reduce<MetricValue>((all, [, value]) => (all === null || value === null ? null : all + value), 0);
    const mean = sum === null ? null : sum / part.length;
    thinned.push([part[Math.floor(part.length / 2)]![0], mean]);
  }
  return [...thinned.slice(0, -1), points.at(-1)!];
}
