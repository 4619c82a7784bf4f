// All that was measured in a run, one number each, with what says when: the step, the tokens seen, the time of work.
import { type MetricValue, type RunEvent, readEvents } from './events.ts';

export interface Measurement {
  /** What it belongs to: what stands in one chart has the same unit. E.g. "loss, nats per token". */
  readonly chart: string;
  /** E.g. "training", "held-out". */
  readonly name: string;
  readonly step: number;
  /** Seen by then; null where the run sees no tokens. */
  readonly tokens: number | null;
  /** Of work by then; pauses between a run and its resumption do not count. */
  readonly seconds: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Null where it was not finite. */
  readonly value: MetricValue;
}

/** What an event log holds; nothing when there is none. */
export const readMeasurements = (eventsPath: string): Measurement[] => measurementsIn(readEvents(eventsPath));

/** The loss comes first, and of it that of training. */
export function measurementsIn(events: readonly RunEvent[]): Measurement[] {
  const loss = events.some(isOfTokens) ? 'loss, nats per token' : 'loss';
  const found: Measurement[] = [];
  let [tokens, seconds, last] = [null as number | null, 0, events[0]?.time ?? 0];
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
      // Before the first step nothing has been seen; where no step says how many tokens, nobody knows.
      for (const [metric, value] of Object.entries(event.metrics))
        add(metric === 'crossEntropy' ? loss : inWords(metric), event.name, value);
    }
  }
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
