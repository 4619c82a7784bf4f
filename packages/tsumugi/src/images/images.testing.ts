// For tests of data sets: temporary folders, IDX files, tarballs, a stand-in for npm.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ImageSet } from './image-set.ts';
import type { DataPackage } from './sets/fetch-package.ts';

/** A folder that is removed when disposed. */
export function temporaryFolder(): Disposable & { path: string; at(...parts: string[]): string } {
  const path = mkdtempSync(join(tmpdir(), 'tsumugi-gan-'));
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A set whose image k is filled with the byte k, row by row brighter from left to right. */
export function toySet(count: number, channels: number, side: number): ImageSet {
  const size = channels * side * side;
  const pixels = Uint8Array.from({ length: count * size }, (_, at) => Math.floor(at / size) + (at % side));
  return {
    name: 'toy',
    split: 'all',
    count,
    channels,
    height: side,
    width: side,
    pixels,
    source: 'memory',
    licence: '',
    labels: Int32Array.from({ length: count }, (_, image) => image % 3),
    classNames: ['a', 'b', 'c'],
  };
}

/** The bytes of an IDX file. */
export function idx(magic: number, shape: readonly number[], data: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(magic);
  for (const [i, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, Uint8Array.from(data)]);
}

/** A package "toy-data" 1.0.0 with these files, and its tarball. */
export function toyPackage(files: Readonly<Record<string, string>>): { wanted: DataPackage; tarball: Buffer } {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(`package/${name}`, 0);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('0', 156);
    header.write('ustar', 257);
    return [header, Buffer.from(content.padEnd(Math.ceil(content.length / 512) * 512, '\0'))];
  });
  const tarball = gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const sizes = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, content.length]));
  return { wanted: { name: 'toy-data', version: '1.0.0', size: tarball.length, integrity, files: sizes }, tarball };
}

/**
 * Puts an `npm` that runs `script` (with its arguments in `args` and a file `tarball` beside it) first on the PATH, until it
 * is disposed.
 */
export function standInNpm(folder: string, script: string, tarball: Buffer = Buffer.alloc(0)): Disposable {
  mkdirSync(folder);
  const npm = join(folder, 'npm');
  writeFileSync(join(folder, 'tarball'), tarball);
  const head = `#!${process.execPath}\nconst fs = require('node:fs'); const args = process.argv.slice(2);`;
  writeFileSync(npm, `${head}\nconst tarball = ${JSON.stringify(join(folder, 'tarball'))};\n${script}\n`);
  chmodSync(npm, 0o755);
  const before = process.env['PATH'];
  process.env['PATH'] = folder;
  return {
    [Symbol.dispose]: () => {
      process.env['PATH'] = before;
    },
  };
}
