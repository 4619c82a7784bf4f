// The curves of a step, from the events it wrote: loss, what was measured on held-out data, learning rate.
import { type Figure, readEvents } from './events.ts';

export interface Curve {
  /** What it belongs to: curves of one chart have the same unit. E.g. "loss, nats per token". */
  readonly chart: string;
  /** E.g. "training", "held-out". */
  readonly name: string;
  /** [step, value], by step; null where it was not finite. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

/** Longer curves are thinned to about as many points: means of neighbours, null where one of them was not finite. */
const longest = 240;

const loss = 'loss, nats per token';

/** The curves in an event log, by chart; none when there is no log. */
export function readCurves(eventsPath: string): Curve[] {
  // The loss comes first, and in its chart that of training.
  const charts = new Map([[loss, new Map<string, [number, Figure][]>([['training', []]])]]);
  const add = (chart: string, name: string, step: number, value: Figure | undefined) => {
    if (value === undefined) return;
    const curves = charts.get(chart) ?? new Map<string, [number, Figure][]>();
    charts.set(chart, curves);
    const points = curves.get(name) ?? [];
    curves.set(name, points);
    points.push([step, value]);
  };
  for (const event of readEvents(eventsPath)) {
    if (event.type === 'step') {
      add(loss, 'training', event.step, event.loss);
      add('learning rate', 'learning rate', event.step, event.lr);
      add('gradient norm', 'gradient norm', event.step, event.gradNorm);
      add('tokens per second', 'tokens per second', event.step, event.tokensPerSecond);
    } else if (event.type === 'evaluation') {
      for (const [metric, value] of Object.entries(event.metrics))
        add(metric === 'crossEntropy' ? loss : inWords(metric), event.name, event.step, value);
    }
  }
  return [...charts]
    .flatMap(([chart, curves]) => [...curves].map(([name, points]) => ({ chart, name, points: thin(points) })))
    .filter(({ points }) => points.length > 0);
}

/** "bitsPerCharacter" → "bits per character" */
const inWords = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Means over equal runs of points; the last point stays as it is, where a curve has got to. */
function thin(points: readonly [number, Figure][]): [number, number | null][] {
  if (points.length <= longest) return [...points];
  const run = Math.ceil(points.length / longest);
  const thinned: [number, number | null][] = [];
  for (let start = 0; start < points.length; start += run) {
    const part = points.slice(start, start + run);
    const sum = part.reduce<Figure>((all, [, value]) => (all === null || value === null ? null : all + value), 0);
    const mean = sum === null ? null : sum / part.length;
    thinned.push([part[Math.floor(part.length / 2)]![0], mean]);
  }
  return [...thinned.slice(0, -1), points.at(-1)!];
}
