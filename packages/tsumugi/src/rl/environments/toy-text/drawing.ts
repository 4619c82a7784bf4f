// Pictures of the tasks of toy text that are maps.
import type { Frame } from '../../environment.ts';
import { Canvas, type Colour } from '../draw/canvas.ts';
import { drawFlag, drawPerson } from '../draw/people.ts';
import { decode, IN_TAXI, MAP, PLACES } from './taxi-transitions.ts';

const GREEN: Colour = [60, 140, 60];
const PERSON: Colour = [180, 40, 60];

export function drawLake(rows: readonly string[], state: number): Frame {
  const [height, width] = [rows.length, rows[0]!.length];
  const tile = Math.max(1, Math.min(64, Math.floor(512 / Math.max(height, width))));
  const canvas = new Canvas(tile * width, tile * height, [255, 255, 255]);
  for (const [row, tiles] of rows.entries())
    for (const [column, kind] of [...tiles].entries()) {
      const [x, y] = [column * tile, row * tile];
      canvas.rectangle(x + 1, y + 1, tile - 2, tile - 2, kind === 'S' ? [200, 220, 200] : [206, 228, 245]);
      if (kind === 'H') canvas.circle(x + tile / 2, y + tile / 2, tile * 0.36, [30, 60, 110]);
      if (kind === 'G') drawFlag(canvas, x, y, tile, GREEN);
    }
  const [row, column] = [Math.floor(state / width), state % width];
  drawPerson(canvas, column * tile, row * tile, tile, PERSON);
  return canvas.frame();
}

export function drawCliff(rows: number, columns: number, state: number): Frame {
  const tile = 60;
  const canvas = new Canvas(tile * columns, tile * rows, [255, 255, 255]);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const isCliff = row === rows - 1 && column > 0 && column < columns - 1;
      const colour: Colour = isCliff ? [90, 70, 60] : [150, 190, 120];
      canvas.rectangle(column * tile + 1, row * tile + 1, tile - 2, tile - 2, colour);
    }
  drawFlag(canvas, (columns - 1) * tile, (rows - 1) * tile, tile, GREEN);
  drawPerson(canvas, (state % columns) * tile, Math.floor(state / columns) * tile, tile, PERSON);
  return canvas.frame();
}

const PLACE_COLOURS: readonly Colour[] = [
  [220, 60, 60],
  [60, 170, 60],
  [220, 200, 40],
  [60, 90, 210],
];

export function drawTaxi(state: number, lastAction: number | null): Frame {
  const cell = 50;
  const canvas = new Canvas(550, 350, [120, 120, 125]);
  const wall: Colour = [70, 110, 60];
  canvas.rectangle(0, 0, canvas.width, cell, wall);
  canvas.rectangle(0, canvas.height - cell, canvas.width, cell, wall);
  for (const [row, line] of MAP.entries())
    for (const [column, sign] of [...line].entries()) {
      const [x, y] = [column * cell, (row + 1) * cell];
      if (sign === '|') canvas.rectangle(x + cell * 0.3, y, cell * 0.4, cell, wall);
      if (sign === ':') canvas.rectangle(x + cell * 0.47, y + cell * 0.3, cell * 0.06, cell * 0.4, [220, 220, 220]);
    }
  const corner = ([row, column]: readonly [number, number]) => [(column * 2 + 1) * cell, (row + 1) * cell] as const;
  for (const [i, place] of PLACES.entries()) canvas.rectangle(...corner(place), cell, cell, PLACE_COLOURS[i]!, 0.7);

  const { row, column, passenger, destination } = decode(state);
  drawFlag(canvas, ...corner(PLACES[destination]!), cell, [250, 250, 250]);
  if (passenger !== IN_TAXI) drawPerson(canvas, ...corner(PLACES[passenger]!), cell, PERSON);
  drawCab(canvas, ...corner([row, column]), cell, lastAction === 0 || lastAction === 1);
  if (passenger === IN_TAXI) {
    const [x, y] = corner([row, column]);
    drawPerson(canvas, x + cell * 0.25, y + cell * 0.2, cell * 0.5, PERSON);
  }
  return canvas.frame();
}

/** The taxi from above; it is longer than wide. */
function drawCab(canvas: Canvas, x: number, y: number, cell: number, isUpright: boolean): void {
  const [long, short] = [cell * 0.8, cell * 0.5];
  const [width, height] = isUpright ? [short, long] : [long, short];
  const [left, top] = [x + (cell - width) / 2, y + (cell - height) / 2];
  canvas.rectangle(left, top, width, height, [245, 190, 30]);
  const [inset, glass]: [number, Colour] = [cell * 0.14, [60, 70, 90]];
  if (isUpright) {
    canvas.rectangle(left + 4, top + inset, width - 8, 6, glass);
    canvas.rectangle(left + 4, top + height - inset - 6, width - 8, 6, glass);
  } else {
    canvas.rectangle(left + inset, top + 4, 6, height - 8, glass);
    canvas.rectangle(left + width - inset - 6, top + 4, 6, height - 8, glass);
  }
}
