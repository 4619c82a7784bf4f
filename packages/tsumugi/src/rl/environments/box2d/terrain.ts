// The ground of BipedalWalker, step by step: uneven grass, and in the hard form stumps, stairs and pits between stretches of it.
import type { NumpyRandom } from '../../random/numpy-random.ts';
import type { Point } from './package.ts';
import { HEIGHT, point, SCALE } from './shapes.ts';

/** Metres of a step of the ground. */
export const STEP = 14 / SCALE;
/** Its length, in steps. */
export const LENGTH = 200;
/** The longest stretch of grass; also what is behind the goal. */
export const GRASS = 10;
/** Flat at the start. */
export const START = 20;
export const LEVEL = HEIGHT / 4;

export interface Terrain {
  /** The line of the ground. */
  line: Point[];
  /** What stands on it or bounds a pit. */
  blocks: Point[][];
}

type Kind = 'grass' | 'stump' | 'stairs' | 'pit';
const obstacles: readonly Kind[] = ['grass', 'stump', 'stairs', 'pit'];

const box = (left: number, right: number, top: number, bottom: number) => [
  point(left, top),
  point(right, top),
  point(right, bottom),
  point(left, bottom),
];

/** Draws in the order in which Gymnasium draws. */
export function drawTerrain(rng: NumpyRandom, hardcore: boolean): Terrain {
  const [line, blocks]: [Point[], Point[][]] = [[], []];
  let kind: Kind = 'grass';
  /** Steps until the next kind. */
  let left = START;
  let begins = false;
  let slope = 0;
  let y = LEVEL;
  let level = LEVEL;
  let [steps, width, rise] = [0, 0, 0];
  for (let i = 0; i < LENGTH; i++) {
    const x = i * STEP;
    // A stretch of grass begins with one step as the ground was before.
    if (kind === 'grass' && !begins) {
      slope = 0.8 * slope + 0.01 * Math.sign(LEVEL - y);
      if (i > START) slope += rng.uniform(-1, 1) / SCALE;
      y += slope;
    } else if (kind === 'pit' && begins) {
      left = rng.integers(3, 5);
      const wall = box(x, x + STEP, y, y - 4 * STEP);
      blocks.push(
        wall,
        wall.map((corner) => point(corner.x + STEP * left, corner.y)),
      );
      left += 2;
      level = y;
    } else if (kind === 'pit') {
      y = left > 1 ? level - 4 * STEP : level;
    } else if (kind === 'stump' && begins) {
      left = rng.integers(1, 3);
      blocks.push(box(x, x + left * STEP, y + left * STEP, y));
    } else if (kind === 'stairs' && begins) {
      rise = rng.random() > 0.5 ? 1 : -1;
      width = rng.integers(4, 5);
      steps = rng.integers(3, 5);
      level = y;
      for (let step = 0; step < steps; step++) {
        const top = y + step * rise * STEP;
        blocks.push(box(x + step * width * STEP, x + (step + 1) * width * STEP, top, top - STEP));
      }
      left = steps * width;
    } else if (kind === 'stairs') {
      y = level + ((steps * width - left - rise) / width) * rise * STEP;
    }
    begins = false;
    line.push(point(x, y));
    if (--left > 0) continue;
    left = rng.integers(GRASS / 2, GRASS);
    kind = kind === 'grass' && hardcore ? obstacles[rng.integers(1, obstacles.length)]! : 'grass';
    begins = true;
  }
  return { line, blocks };
}

/** Gymnasium draws clouds from the same stream. */
export function drawClouds(rng: NumpyRandom): Point[][] {
  return Array.from({ length: LENGTH / 20 }, () => {
    const x = rng.uniform(0, LENGTH) * STEP;
    return Array.from({ length: 5 }, (_, i) => {
      const angle = (3.14 * 2 * i) / 5;
      const right = x + 15 * STEP * Math.sin(angle) + rng.uniform(0, 5 * STEP);
      return point(right, (HEIGHT * 3) / 4 + 5 * STEP * Math.cos(angle) + rng.uniform(0, 5 * STEP));
    });
  });
}
