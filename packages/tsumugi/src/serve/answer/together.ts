// The pieces of several answers as they come.
import type { Answering, CallUsage, Piece } from './call.ts';

/** Yields which answer a piece is of, and the piece; returns what each took. */
export async function* together(
  answers: readonly Answering[],
): AsyncGenerator<readonly [index: number, piece: Piece], CallUsage[]> {
  // Nobody to wait for beside it: the race would cost as much as the rest of what a token goes through.
  if (answers.length === 1) return [yield* alone(answers[0]!)];
  const usages: CallUsage[] = [];
  const next = (index: number) => answers[index]!.next().then((result) => ({ index, result }));
  const coming = new Map(answers.map((_, index) => [index, next(index)]));
  try {
    while (coming.size > 0) {
      const { index, result } = await Promise.race(coming.values());
      if (result.done) {
        usages[index] = result.value;
        coming.delete(index);
      } else {
        coming.set(index, next(index));
        yield [index, result.value];
      }
    }
    return usages;
  } finally {
    for (const each of coming.values()) each.catch(() => {}); // One has failed, and was told of.
    for (const answer of answers) void answer.return(undefined as never).catch(() => {});
  }
}

async function* alone(answer: Answering): AsyncGenerator<readonly [index: number, piece: Piece], CallUsage> {
  try {
    for (;;) {
      const { done, value } = await answer.next();
      if (done) return value;
      yield [0, value];
    }
  } finally {
    void answer.return(undefined as never).catch(() => {});
  }
}
