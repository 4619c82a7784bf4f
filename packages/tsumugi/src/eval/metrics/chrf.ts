// chrF of a sentence: an F-score over runs of characters (Popović 2015, "chrF: character n-gram F-score for automatic MT
// evaluation"), with sacreBLEU's defaults: runs of 1 … 6 characters, no words, β = 2, white space removed.
//
//   P, R    shared n-grams / n-grams of the translation, of the reference; means over the lengths that both have
//   chrF    (1 + β²)·P·R / (β²·P + R), 0 when P + R = 0

import { splitWords } from '../white-space.ts';
import { ngrams, sharedNgrams } from './ngrams.ts';

const ORDER = 6;
const BETA_SQUARED = 4;

/** chrF of a translation against a reference, 0 … 1 (sacreBLEU prints it times 100). */
export function chrf(translation: string, reference: string): number {
  const [ours, theirs] = [charactersOf(translation), charactersOf(reference)];
  // Longer runs than the shorter text has would make their precision or recall undefined.
  const orders = Math.min(ORDER, ours.length, theirs.length);
  let [precision, recall] = [0, 0];
  for (let n = 1; n <= orders; n++) {
    const shared = sharedNgrams(ngrams(ours, n), ngrams(theirs, n));
    precision += shared / (ours.length - n + 1) / orders;
    recall += shared / (theirs.length - n + 1) / orders;
  }
  if (precision + recall === 0) return 0;
  return ((1 + BETA_SQUARED) * precision * recall) / (BETA_SQUARED * precision + recall);
}

function charactersOf(text: string): string[] {
  return [...splitWords(text).join('')];
}
