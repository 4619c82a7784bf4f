// White space as Python has it (`str.split`, `str.strip`), with which the published metrics and checks are computed. JavaScript's `\s`
// and `trim` count U+FEFF and not U+001C … U+001F and U+0085.
const characters = '\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000';
const runs = new RegExp(`[${characters}]+`);
const endsOfLines = '\n\r\v\f\x1c-\x1e\x85\u2028\u2029';
const lineEnds = new RegExp(`\r\n|[${endsOfLines}]`);
const one = new RegExp(`[${characters}]`);

/** Python's `text.split()`. */
export const splitWords = (text: string): string[] => text.split(runs).filter((word) => word !== '');

/** Python's `text.rstrip()`. */
export function stripTail(text: string): string {
  let end = text.length;
  while (end > 0 && one.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Python's `text.strip()`. */
export function strip(text: string): string {
  let begin = 0;
  while (begin < text.length && one.test(text[begin]!)) begin++;
  return stripTail(text.slice(begin));
}

/** Python's `text.splitlines()`: no last line after a final line end. */
export function splitLines(text: string): string[] {
  const lines = text.split(lineEnds);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}
