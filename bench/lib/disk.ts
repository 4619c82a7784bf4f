// How fast files are read and written where a benchmark works: a plain copy loop, the writing flushed to the disk.
import { closeSync, fsyncSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface DiskRates {
  /** GB/s of the model's files, from the disk or from what the system keeps of them in memory. */
  read: number;
  /** GB/s of writing in order, until all is on the disk. */
  write: number;
}

const pieceBytes = 16 << 20;

function readRate(folder: string, limit: number): number {
  const piece = Buffer.alloc(pieceBytes);
  let [bytes, began] = [0, performance.now()];
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.safetensors'))) {
    const file = openSync(join(folder, name), 'r');
    for (let count = 1; count > 0 && bytes < limit; bytes += count) count = readSync(file, piece);
    closeSync(file);
  }
  return bytes / 1e6 / (performance.now() - began);
}

function writeRate(folder: string, bytes: number): number {
  const path = join(folder, 'write-test');
  const piece = Buffer.alloc(pieceBytes, 0xa5);
  const began = performance.now();
  const file = openSync(path, 'w');
  for (let written = 0; written < bytes; written += pieceBytes) writeSync(file, piece);
  fsyncSync(file);
  closeSync(file);
  const rate = statSync(path).size / 1e6 / (performance.now() - began);
  rmSync(path);
  return rate;
}

export const measureDisk = (model: string, folder: string, bytes: number): DiskRates => ({
  read: readRate(model, bytes),
  write: writeRate(folder, bytes),
});
