// Which of several candidates no other one beats.

export interface Score {
  readonly name: string;
  readonly value: number;
  readonly lowerIsBetter: boolean;
}

/** Whether `a` is at least as good as `b` in every score, and better in one. */
function dominates(a: readonly Score[], b: readonly Score[]): boolean {
  const gains = a.map(({ value, lowerIsBetter }, i) => (lowerIsBetter ? b[i]!.value - value : value - b[i]!.value));
  return gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0);
}

/** For each candidate whether it is on the Pareto front. */
export const paretoFront = (candidates: readonly (readonly Score[])[]): boolean[] =>
  candidates.map((each) => !candidates.some((other) => dominates(other, each)));
