// The letters and digits of playing cards, five pixels wide and seven high.
import type { Canvas, Colour } from './canvas.ts';

/** Seven rows of five bits, from the top. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  '0': [14, 17, 19, 21, 25, 17, 14],
  '1': [4, 12, 4, 4, 4, 4, 14],
  '2': [14, 17, 1, 2, 4, 8, 31],
  '3': [31, 2, 4, 2, 1, 17, 14],
  '4': [2, 6, 10, 18, 31, 2, 2],
  '5': [31, 16, 30, 1, 1, 17, 14],
  '6': [6, 8, 16, 30, 17, 17, 14],
  '7': [31, 1, 2, 4, 8, 8, 8],
  '8': [14, 17, 17, 14, 17, 17, 14],
  '9': [14, 17, 17, 15, 1, 2, 12],
  A: [14, 17, 17, 31, 17, 17, 17],
  J: [7, 2, 2, 2, 2, 18, 12],
  Q: [14, 17, 17, 17, 21, 18, 13],
  K: [17, 18, 20, 24, 20, 18, 17],
};

/** @param dot length of a glyph's pixel; x and y are the middle of the text */
export function drawText(canvas: Canvas, text: string, x: number, y: number, dot: number, colour: Colour): void {
  const left = x - ((text.length * 6 - 1) * dot) / 2;
  for (const [place, letter] of [...text].entries())
    for (const [row, bits] of (GLYPHS[letter] ?? []).entries())
      for (let column = 0; column < 5; column++)
        if ((bits >> (4 - column)) & 1)
          canvas.rectangle(left + (place * 6 + column) * dot, y + (row - 3.5) * dot, dot, dot, colour);
}
