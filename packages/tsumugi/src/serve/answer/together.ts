// The pieces of several answers as they come.
import type { Answering, CallUsage, Piece } from './call.ts';

/** Yields which answer a piece is of, and the piece; returns what each took. */
export async function* together(
  answers: readonly Answering[],
): AsyncGenerator<readonly [index: number, piece: Piece], CallUsage[]> {
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
