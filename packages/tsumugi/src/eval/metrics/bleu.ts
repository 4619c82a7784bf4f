// BLEU of a sentence (Papineni et al. 2002) as sacreBLEU takes it with `effective_order=True` and its default smoothing:
//
//   p_n     shared n-grams / n-grams of the translation, n = 1 … 4; the k-th of them that is 0 becomes 1 / (2^k · n-grams)
//   BLEU    min(1, exp(1 − reference words / translation words)) · exp(mean of ln p_n over the n that the translation has)
//
// 0 when nothing is shared. What a word is decides the metric: `bleu` takes those of mteval-v13a (for European languages),
// `bleuOfCharacters` takes characters. Japanese BLEU is usually taken over MeCab's words: that is another number, so the one over
// characters is reported as `bleu_char`.

import { splitWords, stripTail } from '../white-space.ts';
import { ngrams, sharedNgrams } from './ngrams.ts';

const ORDER = 4;

/** BLEU over the words of mteval-v13a, 0 … 1 (sacreBLEU prints it times 100). */
export function bleu(translation: string, reference: string): number {
  return bleuOf(words13a(translation), words13a(reference));
}

/** BLEU over characters without white space, 0 … 1. */
export function bleuOfCharacters(translation: string, reference: string): number {
  const characters = (text: string) => [...splitWords(text).join('')];
  return bleuOf(characters(translation), characters(reference));
}

function bleuOf(ours: readonly string[], theirs: readonly string[]): number {
  let logs = 0;
  let zeros = 0;
  const orders = Math.min(ORDER, ours.length);
  for (let n = 1; n <= orders; n++) {
    const total = ours.length - n + 1;
    const shared = sharedNgrams(ngrams(ours, n), ngrams(theirs, n));
    // A shared longer run has shared words in it: no shared word, nothing shared.
    if (n === 1 && shared === 0) return 0;
    if (shared === 0) zeros++;
    logs += Math.log(shared === 0 ? 1 / (2 ** zeros * total) : shared / total);
  }
  if (orders === 0) return 0;
  return Math.min(1, Math.exp(1 - theirs.length / ours.length)) * Math.exp(logs / orders);
}

/**
 * The words of a text by mteval-v13a: punctuation stands alone, except periods and commas between digits, and dashes that no
 * digit precedes.
 */
export function words13a(text: string): string[] {
  const line = stripTail(text)
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  const spaced = ` ${line} `
    .replace(/[ -&(-+/:-@[-`{-~]/gu, ' $& ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/gu, '$1 $2 ');
  return splitWords(spaced);
}
