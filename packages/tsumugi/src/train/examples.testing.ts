// Examples of made-up tokens, for tests that need no text.
import { RandomStream } from '../base/index.ts';
import type { Example } from '../text/index.ts';

/** Tokens, of which those that are to be learned are written as negative numbers. */
export const exampleOf = (row: number, ...ids: number[]): Example => ({
  ids: Int32Array.from(ids, Math.abs),
  learned: Uint8Array.from(ids, (id) => (id < 0 ? 1 : 0)),
  source: { file: 'rows.jsonl', row },
});

/** Two turns each, of 6 to about 30 tokens below `vocabulary`; the answers are learned. */
export function someExamples(count: number, vocabulary: number, seed = 1): Example[] {
  const random = new RandomStream(seed);
  const some = (sign: number) =>
    Array.from({ length: 1 + random.below(7) }, () => sign * (3 + random.below(vocabulary - 3)));
  return Array.from({ length: count }, (_, i) =>
    exampleOf(i + 1, 1, ...some(1), ...some(-1), -2, ...some(1), ...some(-1), -2),
  );
}
