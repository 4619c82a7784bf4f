// Pairs out of scored answers to one prompt: which is preferred to which, or why there is none.

export interface Candidate {
  /** Answers that are the same in training have the same key. */
  readonly key: string;
  readonly score: number;
}

export interface AnswerPair {
  /** Places among the candidates. */
  readonly chosen: number;
  readonly rejected: number;
}

/**
 * Of different answers the best against the worst; with `most` above 1 further pairs, those with the largest difference first, and of
 * equal differences those whose answers are in the fewest pairs so far. Equal scores make no pair. Our choice.
 */
export function pairAnswers(candidates: readonly Candidate[], most = 1): AnswerPair[] {
  const places = [...candidates.keys()].filter(
    (i) => candidates.findIndex(({ key }) => key === candidates[i]!.key) === i,
  );
  const scoreOf = (i: number) => candidates[i]!.score;
  const open = places
    .flatMap((chosen) => places.map((rejected) => ({ chosen, rejected })))
    .filter(({ chosen, rejected }) => scoreOf(chosen) > scoreOf(rejected));
  const uses = candidates.map(() => 0);
  const difference = ({ chosen, rejected }: AnswerPair) => scoreOf(chosen) - scoreOf(rejected);
  const used = ({ chosen, rejected }: AnswerPair) => uses[chosen]! + uses[rejected]!;
  const pairs: AnswerPair[] = [];
  while (pairs.length < most && open.length > 0) {
    const best = open.reduce((a, b) => ((difference(b) - difference(a) || used(a) - used(b)) > 0 ? b : a));
    open.splice(open.indexOf(best), 1);
    for (const i of [best.chosen, best.rejected]) uses[i]!++;
    pairs.push(best);
  }
  return pairs;
}
