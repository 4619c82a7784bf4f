// Time against size of what a GAN does with images, folders and scores: docs/results/2026-11-28-faults.md has the table.
//
//   node recipes/experiments/image-growth.ts [PART OF A NAME]
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelDistance } from '../../packages/tsumugi/src/gan/index.ts';
import { Moments } from '../../packages/tsumugi/src/gan/scores/frechet.ts';
import { inceptionScore } from '../../packages/tsumugi/src/gan/scores/inception-score.ts';
import { exportedLiteral } from '../../packages/tsumugi/src/gan/scores/js-literal.ts';
import { precisionRecall } from '../../packages/tsumugi/src/gan/scores/precision-recall.ts';
import { holdOut } from '../../packages/tsumugi/src/images/hold-out.ts';
import {
  ImageBatches,
  type ImageSet,
  openImageFolder,
  writeImageGrid,
} from '../../packages/tsumugi/src/images/index.ts';
import { decodePicture } from '../../packages/tsumugi/src/images/picture.ts';
import { encodePng, writePng } from '../../packages/tsumugi/src/images/png.ts';
import { toSquare } from '../../packages/tsumugi/src/images/square.ts';
import { Rng, rand, scope } from '../../packages/tsumugi/src/torch/index.ts';
import { type GrowthCase, printGrowth } from './growth.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-growth-'));
const generator = new Rng(1);
const numbers = (...shape: number[]) => rand(shape, generator);

function pictures(n: number): string {
  const folder = join(home, `${n}`);
  for (let i = 0; i < n; i++) {
    mkdirSync(join(folder, `${i % 10}`), { recursive: true });
    writePng(
      join(folder, `${i % 10}`, `${i}.png`),
      Uint8Array.from({ length: 256 }, (_, at) => at ^ i),
      { width: 16, height: 16, channels: 1 },
    );
  }
  return folder;
}
const set = (count: number): ImageSet => ({
  name: 'x',
  split: 'all',
  count,
  channels: 1,
  height: 8,
  width: 8,
  pixels: new Uint8Array(count * 64),
  labels: Int32Array.from({ length: count }, (_, i) => i % 10),
  source: '',
  licence: '',
});
const png = (n: number) => encodePng(new Uint8Array(n), { width: 1024, height: n / 1024, channels: 1 });
const folder = { size: 8, folder: join(home, 'kept') };

const cases: GrowthCase[] = [
  [
    'open a folder of n pictures',
    250,
    (n) => {
      const path = pictures(n);
      return () => openImageFolder(path, folder);
    },
  ],
  ['open it again', 250, (n) => () => openImageFolder(join(home, `${n}`), folder)],
  [
    'decode a PNG of n pixels',
    2 ** 20,
    (n) => {
      const bytes = png(n);
      return () => decodePicture(bytes, '');
    },
  ],
  [
    'cut and resize a picture of n pixels',
    2 ** 20,
    (n) => {
      const side = Math.round(Math.sqrt(n));
      const picture = { width: side, height: side, data: new Uint8Array(4 * side * side) };
      return () => toSquare(picture, 32, 3);
    },
  ],
  [
    'hold out of n images',
    25_000,
    (n) => {
      const all = set(n);
      return () => holdOut(all, 0);
    },
  ],
  [
    'an epoch of batches of n images',
    5000,
    (n) => {
      const all = new ImageBatches(set(n), { batchSize: 50, seed: 0 });
      return () => {
        for (let i = 0; i < n / 50; i++) scope(() => void all.at(i));
      };
    },
  ],
  [
    'write a grid of n images',
    1000,
    (n) => () => scope(() => writeImageGrid(join(home, 'grid.png'), numbers(n, 3, 16, 16))),
  ],
  [
    'moments of n images, 256 features',
    5000,
    (n) => () =>
      scope(() => {
        using moments = new Moments(256);
        moments.add(numbers(n, 256));
      }),
  ],
  ['Inception score of n images', 20_000, (n) => () => scope(() => inceptionScore(numbers(n, 10).softmax(-1)))],
  [
    'kernel distance of n images',
    2000,
    (n) => () => scope(() => kernelDistance(numbers(n, 64), numbers(n, 64), { subsets: 3 })),
  ],
  ['precision and recall of n images', 500, (n) => () => scope(() => precisionRecall(numbers(n, 64), numbers(n, 64)))],
  [
    'read n numbers of a script',
    50_000,
    (n) => {
      const text = `a.exports=[${'1,'.repeat(n - 1)}1]`;
      return () => exportedLiteral(text, '');
    },
  ],
  [
    'read n characters of a script',
    1_000_000,
    (n) => {
      const text = `a.exports="${'\\"'.repeat(n / 2)}"`;
      return () => exportedLiteral(text, '');
    },
  ],
];

await printGrowth(import.meta.url, cases);
rmSync(home, { recursive: true });
