// char_f1, llm-jp-eval's metric of extracted answers. In spite of its name it is no F1 over sets of characters but fuzzywuzzy's
// `token_sort_ratio`, with the similarity of python-Levenshtein:
//
//   words      drop U+0080 … U+00FF, replace what is no word character by a space, lower-case, sort the words, join by a space
//   char_f1    1 when both are equal, else 0 when one is empty, else round(100 · 2·LCS / (n₁ + n₂)) / 100
//
// where LCS is the length of the longest common subsequence, lengths are in code points, and halves are rounded to even.
// Sources: llm-jp-eval v1.3.0; fuzzywuzzy 0.18, `fuzz.py` and `utils.py`.

/** char_f1 of an answer, 0 … 1. */
export function charF1(answer: string, target: string): number {
  const [a, b] = [sortedWords(answer), sortedWords(target)];
  if (a === b) return 1;
  if (a === '' || b === '') return 0;
  const [x, y] = [[...a], [...b]];
  return roundHalfToEven((200 * commonSubsequence(x, y)) / (x.length + y.length)) / 100;
}

/** Python's `\w` is a letter, a number or an underscore: combining marks are none. */
const noWord = /[^\p{L}\p{N}_]/gu;

function sortedWords(text: string): string {
  const cleaned = text
    .replace(/[\u0080-\u00ff]/g, '')
    .replace(noWord, ' ')
    .toLowerCase();
  const words = cleaned.split(' ').filter((word) => word !== '');
  return words.sort(byCodePoint).join(' ');
}

/** Python's order of strings; JavaScript's own would be that of UTF-16 units. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Length of the longest common subsequence. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  // previous[j]: the length for the characters of `a` so far and the first j of `b`.
  let previous = new Uint32Array(b.length + 1);
  for (const character of a) {
    const current = new Uint32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++)
      current[j] = character === b[j - 1] ? previous[j - 1]! + 1 : Math.max(previous[j]!, current[j - 1]!);
    previous = current;
  }
  return previous[b.length]!;
}

/** Python's `round` to an integer. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
