// A picture to draw polygons on, in metres with y upwards.
import type { Frame } from '../../environment.ts';
import type { Point } from './package.ts';
import { HEIGHT, WIDTH } from './shapes.ts';

export type Colour = readonly [number, number, number];

/** Pixels to a metre: half of Gymnasium's. */
const METRE = 15;

export class Canvas implements Frame {
  readonly width = Math.round(WIDTH * METRE);
  readonly height = Math.round(HEIGHT * METRE);
  readonly data = new Uint8Array(this.width * this.height * 3);
  readonly #left: number;

  /** @param left what is at the left edge, in metres */
  constructor(background: Colour, left = 0) {
    this.#left = left;
    for (let i = 0; i < this.data.length; i++) this.data[i] = background[i % 3]!;
  }

  /** Fills a polygon, row by row between its edges. */
  fill(vertices: readonly Point[], colour: Colour): void {
    const xs = vertices.map(({ x }) => (x - this.#left) * METRE);
    const ys = vertices.map(({ y }) => this.height - y * METRE);
    const last = Math.min(this.height - 1, Math.ceil(Math.max(...ys)));
    for (let row = Math.max(0, Math.floor(Math.min(...ys))); row <= last; row++) {
      const y = row + 0.5;
      const crossings: number[] = [];
      for (let i = 0; i < xs.length; i++) {
        const j = (i + 1) % xs.length;
        if (ys[i]! > y === ys[j]! > y) continue;
        crossings.push(xs[i]! + ((y - ys[i]!) / (ys[j]! - ys[i]!)) * (xs[j]! - xs[i]!));
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) this.#row(row, crossings[i]!, crossings[i + 1]!, colour);
    }
  }

  #row(row: number, from: number, to: number, colour: Colour): void {
    const end = Math.min(this.width - 1, Math.round(to) - 1);
    for (let x = Math.max(0, Math.round(from)); x <= end; x++) this.data.set(colour, 3 * (row * this.width + x));
  }
}
