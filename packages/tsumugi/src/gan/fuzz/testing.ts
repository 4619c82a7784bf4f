// Fuzzing the readers of images, weights and packages: whatever the bytes, a reader gives what it promises or a UserError that says
// what is wrong, the same at every reading. tests/long/fuzz-images.ts runs it long.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { golden } from '../../../../../tests/files.ts';
import { deriveSeed, RandomStream, UserError } from '../../base/index.ts';
import { readTar } from '../../store/index.ts';
import { scope } from '../../torch/index.ts';
import { readIdx } from '../data/idx.ts';
import { decodePicture, MOST_PIXELS } from '../images/picture.ts';
import { exportedLiteral } from '../scores/js-literal.ts';
import { readTfjsLayers } from '../scores/tfjs-layers.ts';
import { mutateBytes, mutateJpeg, mutateJson, mutatePng } from './mutate.ts';

export interface Outcome {
  read: number;
  refused: number;
  /** Of the slowest input. */
  slowestMs: number;
}

/** A reader of mutated inputs; it throws a UserError for what it refuses, and any other error for a fault. */
type Reader = (random: RandomStream, folder: string) => unknown;

const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`fuzz: ${what}`);
};

const sound = (name: string) => readFileSync(golden(`pictures/${name}`));
const of = (mutate: (bytes: Buffer, random: RandomStream) => Buffer, ...names: string[]): Reader => {
  const files = names.map((name) => [name, sound(name)] as const);
  return async (random) => {
    const [name, whole] = files[random.below(files.length)]!;
    const bytes = mutate(whole, random);
    const picture = await decodePicture(bytes, name);
    const { width, height, data } = picture;
    must(width >= 1 && height >= 1 && width * height <= MOST_PIXELS, `${width} × ${height}`);
    must(data.length === width * height * 4, `${data.length} bytes for ${width} × ${height}`);
    // Memory that was never written would be another one now.
    must(
      Buffer.from((await decodePicture(bytes, name)).data).equals(data),
      `${name}: other pixels at the second reading`,
    );
  };
};

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

const tfjs: Reader = (random, folder) => {
  writeFileSync(join(folder, 'model.json'), JSON.stringify(mutateJson(manifest, random)));
  writeFileSync(join(folder, 'shard1'), Buffer.of(0, 1, 2, 255, 0x40));
  writeFileSync(join(folder, 'shard2'), Buffer.of(0x9c, 0, 0, 0xc0, 0x3f));
  const read = readTfjsLayers(folder);
  scope(() => {
    for (const name of ['a/kernel', 'a/wide', 'a/bias']) if (read.has(name)) must(read.weight(name).numel <= 10, name);
  });
};

const script = Buffer.from(`!function(a){a.exports={a:1,"b c":[!0,!1,null,"x\\\\"],$d:-.5e3,f:{g:[[],{}]}}}()`);
const literal: Reader = (random) => exportedLiteral(mutateBytes(script, random).toString('latin1'), 'x.js');

const idxFile = Buffer.concat([Buffer.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3), Buffer.alloc(12, 7)]);
const idx: Reader = (random, folder) => {
  const path = join(folder, 'idx');
  writeFileSync(path, mutateBytes(idxFile, random));
  const { shape, data } = readIdx(path, 3);
  must(shape.reduce((product, size) => product * size, 1) === data.length, `[${shape}] of ${data.length} bytes`);
};

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
const tar: Reader = (random) => {
  const bytes = mutateBytes(Buffer.concat([tarFile, Buffer.alloc(1024)]), random);
  for (const file of readTar(bytes, 'a.tar')) must(file.bytes.length <= bytes.length, file.name);
};

/** The readers by name. */
export const readers: Readonly<Record<string, Reader>> = {
  png: of(
    mutatePng,
    'rgb.png',
    'rgba.png',
    'p4.png',
    'ptrns.png',
    'adam7.png',
    'rgb16.png',
    'l1.png',
    'exif6.png',
    'apng.png',
  ),
  jpeg: of(
    mutateJpeg,
    '420.jpg',
    '444.jpg',
    '420-prog.jpg',
    'grey.jpg',
    'cmyk.jpg',
    'restart.jpg',
    'exif6.jpg',
    'arith.jpg',
  ),
  'webp and gif': of(mutateBytes, 'x.webp', 'lossy.webp', 'anim.gif'),
  ...{ tfjs, literal, idx, tar },
};

/** So many mutated inputs, the same for the same seed. @throws the fault, with the seed of its input */
export async function fuzzReader(name: string, count: number, seed: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-fuzz-'));
  const outcome: Outcome = { read: 0, refused: 0, slowestMs: 0 };
  try {
    for (let i = 0; i < count; i++) {
      const began = performance.now();
      try {
        await readers[name]!(new RandomStream(deriveSeed(seed, name, i)), folder);
        outcome.read++;
      } catch (cause) {
        if (!(cause instanceof UserError)) throw new Error(`${name}, seed ${seed}, input ${i}: ${cause}`, { cause });
        outcome.refused++;
      }
      outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - began);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return outcome;
}
