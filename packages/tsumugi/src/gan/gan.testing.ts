// A folder of images small enough for tests: 8×8, of two kinds, each a fixed pattern with a little noise.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from '../base/index.ts';
import { temporaryFolder } from '../images/images.testing.ts';
import { writePng } from '../images/png.ts';
import { type GanConfig, type GanInput, ganConfig } from './train-config.ts';

const side = 8;
/** Bright pixels of each kind. */
export const patterns: Readonly<Record<string, (y: number, x: number) => boolean>> = {
  bar: (_, x) => x < 3,
  cross: (y, x) => y === x || y === side - 1 - x,
};

/** A pattern as numbers in [−1, 1], row by row. */
export const patternValues = (name: string): number[] =>
  Array.from({ length: side * side }, (_, at) => (patterns[name]!(Math.floor(at / side), at % side) ? 0.6 : -0.8));

export interface TinyGan extends Disposable {
  folder: string;
  at(...names: string[]): string;
  /** A complete config with a run folder of this name. */
  config(name: string, changes?: Partial<GanInput>): GanConfig;
}

/** Writes 24 images of each kind into `images/<kind>/`. Data sets are kept in `data/`. */
export function tinyGan(): TinyGan {
  const folder = temporaryFolder();
  const stream = new RandomStream(1);
  for (const name of Object.keys(patterns)) {
    mkdirSync(folder.at('images', name), { recursive: true });
    for (let image = 0; image < 24; image++) {
      const pixels = Uint8Array.from(
        patternValues(name).flatMap((value) => {
          const byte = value * 127.5 + 127.5 + stream.below(20);
          return [byte, byte, byte];
        }),
      );
      writePng(folder.at('images', name, `${image}.png`), pixels, { width: side, height: side, channels: 3 });
    }
  }
  return {
    folder: folder.path,
    at: folder.at,
    config: (name, changes = {}) =>
      ganConfig.parse({
        data: folder.at('images'),
        out: join(folder.path, name),
        size: side,
        width: 1 / 16,
        batchSize: 6,
        steps: 8,
        discriminatorSteps: 2,
        logEvery: 2,
        measureEvery: 3,
        gridEvery: 4,
        gridImages: 9,
        checkpointEvery: 1,
        keepLast: 99,
        ...changes,
      }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** Takes what a run says, and nothing else. */
export const silent = { write: () => true };
