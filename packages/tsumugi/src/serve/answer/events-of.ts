// The pieces of an answer as the events of a stream.
import type { Answering, CallUsage, Piece } from './call.ts';

/** What `take` makes of each piece. Ended early, it ends the answer. */
export async function* eventsOf<E>(
  answering: Answering,
  take: (piece: Piece) => Iterable<E>,
): AsyncGenerator<E, CallUsage> {
  try {
    for (;;) {
      const next = await answering.next();
      if (next.done) return next.value;
      yield* take(next.value);
    }
  } finally {
    await answering.return(undefined as never); // does nothing after its end
  }
}
