// Clients that ask one after the other, each its next request when it has its answer, and what they see of it.
import { quantile } from '../lib/statistics.ts';
import type { Asked } from './workload.ts';

/** Has an answer written for a client, and tells of each token (of whole pieces of text, through HTTP). */
export type Write = (client: number, asked: Asked, onToken: (id?: number) => void) => Promise<void>;

export interface Seen {
  tokensPerSecond: number;
  /** Milliseconds from a request to its first token. */
  first: { p50: number; p99: number };
  /** Milliseconds between two tokens of an answer. */
  between: { p50: number; p99: number };
}

const spread = (values: readonly number[]) => ({ p50: quantile(values, 0.5), p99: quantile(values, 0.99) });

/** Has `clients` work off all requests. Towards the end fewer and fewer are busy: this counts, on every side alike. */
export async function workOff(write: Write, requests: readonly Asked[], clients: number): Promise<Seen> {
  const [first, between]: [number[], number[]] = [[], []];
  let next = 0;
  const work = async (client: number) => {
    while (next < requests.length) {
      const asked = requests[next++]!;
      let last = performance.now();
      let seen = false;
      await write(client, asked, () => {
        const now = performance.now();
        (seen ? between : first).push(now - last);
        [last, seen] = [now, true];
      });
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
  const seconds = (performance.now() - began) / 1e3;
  const tokens = requests.reduce((sum, { answerTokens }) => sum + answerTokens, 0);
  return { tokensPerSecond: tokens / seconds, first: spread(first), between: spread(between) };
}
