// IDX files, the format of MNIST: two zero bytes, the element type (8 for bytes), the number of dimensions, each dimension as
// a big-endian 32-bit number, then the elements in row-major order. Format: the page of MNIST, yann.lecun.com/exdb/mnist.
import { readFileSync } from 'node:fs';
import { badData } from '../read-file.ts';

const UNSIGNED_BYTE = 8;

/**
 * A file of bytes with as many dimensions as asked for.
 *
 * @throws DataError that names the byte where the file is not as it should be
 */
export function readIdx(path: string, dimensions: number): { shape: number[]; data: Uint8Array } {
  const bytes = readFileSync(path);
  const start = 4 + 4 * dimensions;
  if (bytes.length < start) throw badData(path, `its header should have ${start} bytes, the file has ${bytes.length}`);
  const magic = bytes.readUInt32BE(0);
  const expected = (UNSIGNED_BYTE << 8) | dimensions;
  if (magic !== expected)
    throw badData(
      path,
      `should begin with ${hex(expected)} (bytes in ${dimensions} dimensions) but begins with ${hex(magic)}`,
    );
  const shape = Array.from({ length: dimensions }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== bytes.length - start)
    throw badData(
      path,
      `[${shape.join(', ')}] needs ${size} bytes from byte ${start} on, there are ${bytes.length - start}`,
    );
  return { shape, data: bytes.subarray(start) };
}

const hex = (word: number) => `0x${word.toString(16).padStart(8, '0')}`;
