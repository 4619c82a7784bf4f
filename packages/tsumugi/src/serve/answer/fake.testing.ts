// For tests: an answer whose pieces are known.
import type { Answering, CallUsage, Piece } from './call.ts';

export interface FakeAnswering extends Answering {
  /** Whether it was read to its end, or given up. */
  readonly ended: boolean;
}

/** @param fault what it ends with in place of a usage */
export function fakeAnswering(
  pieces: readonly Piece[],
  usage: Omit<CallUsage, 'timings'>,
  fault?: Error,
): FakeAnswering {
  let ended = false;
  async function* written(): AsyncGenerator<Piece, CallUsage> {
    try {
      yield* pieces;
      if (fault) throw fault;
      return { ...usage, timings: { queued: 0, prefill: 1, decode: 2 } };
    } finally {
      ended = true;
    }
  }
  const answering: Answering = Object.assign(written(), {
    promptTokens: usage.prompt,
    begun: Promise.resolve(usage),
  });
  return Object.defineProperty(answering as FakeAnswering, 'ended', { get: () => ended });
}
