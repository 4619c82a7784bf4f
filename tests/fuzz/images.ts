// The readers of images, weights and packages, each with inputs that are nearly right. What is read must be what the reader
// promises, the same at every reading.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RandomStream } from '../../packages/tsumugi/src/base/index.ts';
import { exportedLiteral } from '../../packages/tsumugi/src/gan/scores/js-literal.ts';
import { readTfjsLayers } from '../../packages/tsumugi/src/gan/scores/tfjs-layers.ts';
import { decodePicture, MAX_PIXELS } from '../../packages/tsumugi/src/images/picture.ts';
import { readIdx } from '../../packages/tsumugi/src/images/sets/idx.ts';
import { readTar } from '../../packages/tsumugi/src/store/index.ts';
import { scope } from '../../packages/tsumugi/src/torch/index.ts';
import { golden } from '../files.ts';
import { damage, pick, type Target } from './fuzz.ts';
import { strangeJson } from './json.ts';
import { mutateJpeg, mutatePng } from './pictures.ts';

const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`fuzz: ${what}`);
};

const mostlyDamaged = (random: RandomStream, whole: Buffer) => (random.below(4) > 0 ? damage(random, whole) : whole);
const sound = (name: string) => readFileSync(golden(`pictures/${name}`));

/** Pictures: `names` below tests/golden/pictures, separated by spaces. */
function pictures(name: string, mutate: (bytes: Buffer, random: RandomStream) => Buffer, names: string): Target {
  const files = names.split(' ').map((file) => [file, sound(file)] as const);
  return {
    name,
    // A header of a few bytes may ask for as many pixels as are decoded at all.
    maxMs: 60_000,
    async attempt(random) {
      const [file, whole] = pick(random, ...files);
      const bytes = mutate(whole, random);
      const { width, height, data } = await decodePicture(bytes, file);
      must(width >= 1 && height >= 1 && width * height <= MAX_PIXELS, `${width} × ${height}`);
      must(data.length === width * height * 4, `${data.length} bytes for ${width} × ${height}`);
      // Memory that was never written would be another one now.
      const again = await decodePicture(bytes, file);
      must(Buffer.from(again.data).equals(data), `${file}: other pixels at the second reading`);
    },
  };
}

const manifest = {
  modelTopology: {
    model_config: {
      config: { layers: [{ class_name: 'Conv2D', config: { name: 'a', kernel_size: [1, 1] }, inbound_nodes: [] }] },
    },
  },
  weightsManifest: [
    {
      paths: ['shard1', 'shard2'],
      weights: [
        { name: 'a/kernel', shape: [2, 2], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
        { name: 'a/wide', shape: [1], dtype: 'float32', quantization: { dtype: 'uint16', scale: 1, min: 0.25 } },
        { name: 'a/bias', shape: [1], dtype: 'float32' },
      ],
    },
  ],
};

function readTfjs(random: RandomStream, folder: string): void {
  writeFileSync(join(folder, 'model.json'), strangeJson(random, manifest));
  writeFileSync(join(folder, 'shard1'), Buffer.of(0, 1, 2, 255, 0x40));
  writeFileSync(join(folder, 'shard2'), Buffer.of(0x9c, 0, 0, 0xc0, 0x3f));
  const read = readTfjsLayers(folder);
  scope(() => {
    for (const name of ['a/kernel', 'a/wide', 'a/bias'])
      if (read.has(name)) must(read.weight(name).numel() <= 10, name);
  });
}

const script = Buffer.from(`!function(a){a.exports={a:1,"b c":[!0,!1,null,"x\\\\"],$d:-.5e3,f:{g:[[],{}]}}}()`);
const idxFile = Buffer.concat([Buffer.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3), Buffer.alloc(12, 7)]);
function readImages(random: RandomStream, path: string): void {
  writeFileSync(path, mostlyDamaged(random, idxFile));
  const { shape, data } = readIdx(path, 3);
  must(shape.reduce((product, size) => product * size, 1) === data.length, `[${shape}] of ${data.length} bytes`);
}

const tarFile = Buffer.concat(
  ['package/a', 'package/b'].flatMap((name) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('00000000005\0', 124);
    header.write('0', 156);
    header.write('ustar', 257);
    return [header, Buffer.from('hello'.padEnd(512, '\0'))];
  }),
);
function readPackage(random: RandomStream): void {
  const bytes = mostlyDamaged(random, Buffer.concat([tarFile, Buffer.alloc(1024)]));
  for (const file of readTar(bytes, 'a.tar')) must(file.bytes.length <= bytes.length, file.name);
}

/** The targets, in a folder of their own that goes when they are disposed. */
export class ImageReaders implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'tsumugi-fuzz-'));
  readonly targets: readonly Target[] = [
    pictures('PNG', mutatePng, 'rgb.png rgba.png p4.png ptrns.png adam7.png rgb16.png l1.png exif6.png apng.png'),
    pictures('JPEG', mutateJpeg, '420.jpg 444.jpg 420-prog.jpg grey.jpg cmyk.jpg restart.jpg exif6.jpg arith.jpg'),
    pictures('WebP and GIF', (bytes, random) => mostlyDamaged(random, bytes), 'x.webp lossy.webp anim.gif'),
    { name: 'tfjs', attempt: (random) => readTfjs(random, this.#home) },
    {
      name: 'JavaScript literal',
      attempt: (random) => exportedLiteral(mostlyDamaged(random, script).toString('latin1'), 'x.js'),
    },
    { name: 'IDX', attempt: (random) => readImages(random, join(this.#home, 'idx')) },
    { name: 'tar', attempt: readPackage },
  ];

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true });
  }
}
