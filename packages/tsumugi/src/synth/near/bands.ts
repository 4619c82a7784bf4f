// Locality-sensitive hashing of MinHash signatures: only texts that have a whole band of entries in common are compared.

export interface Bands {
  bands: number;
  /** Entries in each. */
  rows: number;
}

/**
 * The chance that two sets of similarity s have a band in common, with b bands of r rows: 1 − (1 − s^r)^b. The S-curve
 * (Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", §3.4.2); it climbs steepest near s = (1/b)^(1/r).
 */
export const chanceOfCandidate = (similarity: number, { bands, rows }: Bands): number =>
  1 - (1 - similarity ** rows) ** bands;

/**
 * The longest bands, so the fewest false candidates, with which a pair at the threshold is a candidate with the chance
 * `recall`; bands of one row where none has it.
 */
export function bandsFor(threshold: number, permutations: number, recall: number): Bands {
  for (let rows = permutations; rows > 1; rows--) {
    const bands = Math.floor(permutations / rows);
    if (chanceOfCandidate(threshold, { bands, rows }) >= recall) return { bands, rows };
  }
  return { bands: permutations, rows: 1 };
}
