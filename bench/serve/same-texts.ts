// Both sides are asked the same, and must answer the same: otherwise their speeds say nothing of each other.
import type { Write } from './clients.ts';
import type { Asked } from './workload.ts';

/** Sums are taken in another order, which turns a token where two are as good as equally likely; what comes after it is another text. */
const leastAlike = 4;
const asked = 4;

/** Says how far greedy answers are the same. Fails unless each begins alike. */
export function compareTexts(ours: readonly number[][], theirs: readonly number[][]): string {
  let [alike, all] = [0, 0];
  for (const [i, text] of ours.entries()) {
    const other = theirs[i]!;
    const parted = text.findIndex((id, k) => id !== other[k]);
    const common = parted === -1 ? text.length : parted;
    if (common < Math.min(leastAlike, text.length))
      throw new Error(`ours writes ${text.slice(0, 8).join()}, llama.cpp ${other.slice(0, 8).join()}`);
    [alike, all] = [alike + common, all + text.length];
  }
  return `the same greedy texts: ${alike} of ${all} tokens come before the first that differs, in ${ours.length} answers`;
}

/** Has the first requests answered by both, one after the other. */
export async function sameTexts(ours: Write, theirs: Write, requests: readonly Asked[]): Promise<string> {
  const texts: [number[][], number[][]] = [[], []];
  for (const request of requests.slice(0, asked))
    for (const [side, write] of [ours, theirs].entries()) {
      const ids: number[] = [];
      await write(0, request, (id) => ids.push(id!));
      texts[side]!.push(ids);
    }
  return compareTexts(...texts);
}
