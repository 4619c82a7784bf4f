// Truthfulness: the share of an answer's characters that lie in a trigram which at least 0.5 % of the reference texts have.
import { discount } from './fluency.ts';
import { type NgramTable, ROOT } from './ngram-table.ts';

const CIRCUMFLEX = 0x5e;
const DOLLAR = 0x24;
/** Code points of `^answer$` that are looked at. */
const LENGTH = 202;
const N = 3;

/** Characters that are not judged. */
const SKIPPED = new Set(Array.from('^$、。・「」『』（）【】［］〈〉《》', (character) => character.codePointAt(0)!));

/** For each character, the most texts that contain one of the trigrams that cover it. */
function coverage(text: readonly number[], table: NgramTable): number[] {
  const symbols = text.map((codePoint) => table.symbol(codePoint));
  const covered = text.map(() => 0);
  for (let i = 0; i + N <= text.length; i++) {
    let node = ROOT;
    for (let j = i; j < i + N; j++) node = table.next(node, symbols[j]!);
    const count = table.count(node);
    for (let j = i; j < i + N; j++) covered[j] = Math.max(covered[j]!, count);
  }
  return covered;
}

/**
 * The running share, discounted beyond the hundredth character: its last value, or its best from there on.
 *
 * @param codePoints of the answer
 * @param texts in the group
 */
export function truthfulness(codePoints: readonly number[], table: NgramTable, texts: number): number {
  const text = [CIRCUMFLEX, ...codePoints, DOLLAR].slice(0, LENGTH);
  const covered = coverage(text, table);
  let [total, judged, score, best] = [0, 0, 0, 0];
  text.forEach((character, n) => {
    if (SKIPPED.has(character)) return;
    total += Math.min(1, (covered[n]! / texts) * 200);
    judged++;
    score = (total / judged) * discount(n);
    if (n >= 100) best = Math.max(best, score);
  });
  return Math.max(best, score);
}
