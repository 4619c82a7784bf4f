// A small rasterizer for pictures of environments: filled polygons with smooth edges, and what is made of them.
import type { Frame } from '../../environment.ts';

export type Colour = readonly [red: number, green: number, blue: number];
export type Point = readonly [x: number, y: number];

export const BLACK: Colour = [0, 0, 0];
export const WHITE: Colour = [255, 255, 255];

/** Lines that are looked at for each row of pixels; along a line coverage is exact. */
const LINES = 4;

/** Pixels; x goes to the right, y down. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #data: Uint8Array;
  /** How much of each pixel of a row is covered. */
  readonly #row: Float64Array;

  constructor(width: number, height: number, background: Colour = WHITE) {
    this.width = width;
    this.height = height;
    this.#data = new Uint8Array(width * height * 3);
    for (let i = 0; i < this.#data.length; i++) this.#data[i] = background[i % 3]!;
    this.#row = new Float64Array(width);
  }

  /** Inside is what a ray crosses the outline from an odd number of times. @param opacity from 0 to 1 */
  polygon(points: readonly Point[], colour: Colour, opacity = 1): void {
    const [left, right] = pixels(
      points.map(([x]) => x),
      this.width,
    );
    const [top, bottom] = pixels(
      points.map(([, y]) => y),
      this.height,
    );
    for (let y = top; y < bottom; y++) {
      this.#row.fill(0, left, right);
      for (let line = 0; line < LINES; line++) this.#cover(crossings(points, y + (line + 0.5) / LINES));
      for (let x = left; x < right; x++) if (this.#row[x]! > 0) this.#blend(x, y, colour, this.#row[x]! * opacity);
    }
  }

  /** Adds the spans between the 1st and the 2nd, the 3rd and the 4th … place. */
  #cover(places: readonly number[]): void {
    for (let i = 0; i + 1 < places.length; i += 2) {
      const [from, to] = [Math.max(0, places[i]!), Math.min(this.width, places[i + 1]!)];
      for (let x = Math.floor(from); x < to; x++) this.#row[x]! += (Math.min(to, x + 1) - Math.max(from, x)) / LINES;
    }
  }

  #blend(x: number, y: number, colour: Colour, share: number): void {
    const at = 3 * (y * this.width + x);
    for (let i = 0; i < 3; i++)
      this.#data[at + i] = Math.round(this.#data[at + i]! + (colour[i]! - this.#data[at + i]!) * Math.min(1, share));
  }

  rectangle(x: number, y: number, width: number, height: number, colour: Colour, opacity = 1): void {
    const [right, bottom] = [x + width, y + height];
    this.polygon(
      [
        [x, y],
        [right, y],
        [right, bottom],
        [x, bottom],
      ],
      colour,
      opacity,
    );
  }

  circle(x: number, y: number, radius: number, colour: Colour, opacity = 1): void {
    this.polygon(arc(x, y, radius, 0, 2 * Math.PI), colour, opacity);
  }

  line([x1, y1]: Point, [x2, y2]: Point, width: number, colour: Colour): void {
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (length === 0) return;
    const [dx, dy] = [((y1 - y2) / length) * (width / 2), ((x2 - x1) / length) * (width / 2)];
    this.polygon(
      [
        [x1 + dx, y1 + dy],
        [x2 + dx, y2 + dy],
        [x2 - dx, y2 - dy],
        [x1 - dx, y1 - dy],
      ],
      colour,
    );
  }

  lines(points: readonly Point[], width: number, colour: Colour): void {
    for (let i = 1; i < points.length; i++) this.line(points[i - 1]!, points[i]!, width, colour);
  }

  /** The canvas is not used after that. */
  frame(): Frame {
    return { width: this.width, height: this.height, data: this.#data };
  }
}

/** The pixels from the smallest place to the largest one, those outside left out. */
const pixels = (places: readonly number[], size: number): [from: number, to: number] => [
  Math.max(0, Math.floor(Math.min(...places))),
  Math.min(size, Math.ceil(Math.max(...places))),
];

/** Where a horizontal line crosses the outline, from left to right. */
function crossings(points: readonly Point[], y: number): number[] {
  const places: number[] = [];
  for (let i = 0; i < points.length; i++) {
    const [x1, y1] = points[i]!;
    const [x2, y2] = points[(i + 1) % points.length]!;
    if (y1 <= y !== y2 <= y) places.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
  }
  return places.sort((a, b) => a - b);
}

/** Points of a circle from one angle to another; 0 is to the right, and angles grow clockwise. */
export const arc = (x: number, y: number, radius: number, from: number, to: number): Point[] =>
  Array.from({ length: 49 }, (_, i) => {
    const angle = from + ((to - from) * i) / 48;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)] as const;
  });

/** The points of a shape turned about the origin, counter-clockwise as seen with y up, then moved. */
export function placed(points: readonly Point[], angle: number, x: number, y: number): Point[] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return points.map(([px, py]) => [x + px * cos - py * sin, y + px * sin + py * cos] as const);
}

/** For shapes given with y up: their points on a canvas of this height. */
export const upright = (points: readonly Point[], height: number): Point[] =>
  points.map(([x, y]) => [x, height - y] as const);
