// The curves of a run (losses, learning rate, …), made of its measurements and thinned to what a picture can show.
import type { MetricValue } from './events.ts';
import { type Measurement, readMeasurements } from './measurements.ts';

export interface Curve {
  /** The chart it belongs to; curves of one chart have the same unit. E.g. "loss, nats per token". */
  readonly chart: string;
  /** E.g. "training", "held-out". */
  readonly name: string;
  /** In the order of x, which is the step unless another axis was asked for. y is null where it was not finite. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

const maxPoints = 240;

/** What a curve is called where its chart is not said: "loss, nats per token: held-out". */
export const curveTitle = (chart: string, name: string): string => (chart === name ? chart : `${chart}: ${name}`);

/** The x axis of a curve. Minutes count the time at work, without pauses between a run and its resumption. */
export type CurveAxis = 'step' | 'tokens' | 'minutes';

/** The curves in an event log, by chart; none when there is no log. */
export const readCurves = (eventsPath: string): Curve[] => curvesOf(readMeasurements(eventsPath));

/** The measurements as curves: curves of one chart stand together, the loss comes first. */
export function curvesOf(measurements: readonly Measurement[], axis: CurveAxis = 'step'): Curve[] {
  const byCurve = Map.groupBy(measurements, ({ chart, name }) => JSON.stringify([chart, name]));
  const curves = [...byCurve.values()].map((own) => {
    const points = own.flatMap((each): [number, MetricValue][] => {
      const x = axis === 'minutes' ? each.seconds / 60 : each[axis];
      return x === null ? [] : [[x, each.value]];
    });
    return { chart: own[0]!.chart, name: own[0]!.name, points: thin(points) };
  });
  const drawn = curves.filter(({ points }) => points.length > 0);
  return [...Map.groupBy(drawn, ({ chart }) => chart).values()].flat();
}

/**
 * About `maxPoints` points: each is the mean of as many neighbours, or null where one of those was not finite. The last point
 * stays as it is: it says where the curve has got to.
 */
function thin(points: readonly [number, MetricValue][]): [number, number | null][] {
  if (points.length <= maxPoints) return [...points];
  const size = Math.ceil(points.length / maxPoints);
  const thinned: [number, number | null][] = [];
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size);
    const sum = part.reduce<MetricValue>((all, [, value]) => (all === null || value === null ? null : all + value), 0);
    const mean = sum === null ? null : sum / part.length;
    thinned.push([part[Math.floor(part.length / 2)]![0], mean]);
  }
  return [...thinned.slice(0, -1), points.at(-1)!];
}
