// The measurements of a run: each is one number, with the step, the tokens seen and the time at work.
import { type MetricValue, type RunEvent, readEvents } from './events.ts';

export interface Measurement {
  /** The chart it belongs to; values of one chart have the same unit. E.g. "loss, nats per token". */
  readonly chart: string;
  /** E.g. "training", "held-out". */
  readonly name: string;
  readonly step: number;
  /** Seen by then; null in a run without tokens. */
  readonly tokens: number | null;
  /** At work by then; pauses between a run and its resumption do not count. */
  readonly seconds: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Null where it was not finite. */
  readonly value: MetricValue;
}

/** The measurements in an event log; none when there is no log. */
export const readMeasurements = (eventsPath: string): Measurement[] => measurementsIn(readEvents(eventsPath));

/** The measurements in these events: first the training loss, then other losses, then the rest. */
export function measurementsIn(events: readonly RunEvent[]): Measurement[] {
  const loss = events.some(isOfTokens) ? 'loss, nats per token' : 'loss';
  const found: Measurement[] = [];
  let tokens: number | null = null;
  let seconds = 0;
  let last = events[0]?.time ?? 0;
  for (const event of events) {
    if (event.type !== 'start') seconds += Math.max(0, event.time - last) / 1000;
    last = event.time;
    const add = (chart: string, name: string, value: MetricValue | undefined) => {
      if (value !== undefined) found.push({ chart, name, step: event.step, tokens, seconds, time: event.time, value });
    };
    if (event.type === 'step') {
      tokens = event.tokens ?? tokens;
      add(loss, 'training', event.loss);
      add('learning rate', 'learning rate', event.lr);
      add('gradient norm', 'gradient norm', event.gradNorm);
      add('tokens per second', 'tokens per second', event.tokensPerSecond);
      add('model FLOPs utilization', 'model FLOPs utilization', event.mfu);
      for (const [metric, value] of Object.entries(event.metrics ?? {})) add(inWords(metric), inWords(metric), value);
    } else if (event.type === 'layers') {
      for (const [path, { gradNorm, rms, max }] of Object.entries(event.layers)) {
        add('gradient norm of layers', path, gradNorm);
        add('root mean square of what layers give', path, rms);
        add('largest value that layers give', path, max);
      }
    } else if (event.type === 'evaluation') {
      for (const [metric, value] of Object.entries(event.metrics))
        add(metric === 'crossEntropy' ? loss : inWords(metric), event.name, value);
    }
  }
  // Where later steps count tokens, an evaluation before the first step has seen none.
  const seesTokens = tokens !== null;
  const complete = found.map((each) => (each.tokens === null && seesTokens ? { ...each, tokens: 0 } : each));
  return complete.toSorted((a, b) => rank(a, loss) - rank(b, loss));
}

const rank = ({ chart, name }: Measurement, loss: string): number => (chart !== loss ? 2 : name === 'training' ? 0 : 1);

const isOfTokens = (event: RunEvent): boolean =>
  (event.type === 'step' && (event.tokens !== undefined || event.tokensPerSecond !== undefined)) ||
  (event.type === 'evaluation' && 'crossEntropy' in event.metrics);

/** "bitsPerCharacter" → "bits per character" */
const inWords = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
