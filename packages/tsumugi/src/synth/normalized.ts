// The form in which texts are compared: what looks alike is spelled alike.

/** NFKC (full-width letters, half-width katakana, …), each run of white space one space, none at the ends. */
export const normalized = (text: string): string => text.normalize('NFKC').replaceAll(/\s+/gu, ' ').trim();

/** The code points of a text. */
export function codePoints(text: string): Uint32Array {
  const points = new Uint32Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    points[count++] = point;
    if (point > 0xffff) i++;
  }
  return points.subarray(0, count);
}
