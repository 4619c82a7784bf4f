// Small figures of toy text.
import { arc, type Canvas, type Colour } from './canvas.ts';

/** A figure that stands in a square: its head above its shoulders. */
export function drawPerson(canvas: Canvas, x: number, y: number, size: number, colour: Colour): void {
  const [middle, foot] = [x + size / 2, y + size * 0.88];
  const shoulders = arc(middle, foot - size * 0.22, size * 0.22, Math.PI, 2 * Math.PI);
  canvas.polygon([[middle - size * 0.22, foot], ...shoulders, [middle + size * 0.22, foot]], colour);
  canvas.circle(middle, y + size * 0.3, size * 0.16, [240, 205, 170]);
}

/** A flag on a pole that stands in a square. */
export function drawFlag(canvas: Canvas, x: number, y: number, size: number, colour: Colour): void {
  const [pole, top] = [x + size * 0.35, y + size * 0.15];
  canvas.rectangle(pole - size * 0.03, top, size * 0.06, size * 0.73, [70, 60, 50]);
  canvas.polygon(
    [
      [pole, top],
      [x + size * 0.85, top + size * 0.18],
      [pole, top + size * 0.36],
    ],
    colour,
  );
}
