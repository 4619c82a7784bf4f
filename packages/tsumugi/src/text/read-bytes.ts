// A file as a stream of bytes, decompressed by its name's ending (.gz, .zst, .xz), with a count of what was read from the disk.
import { createReadStream } from 'node:fs';
import type { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { DataError } from '../base/index.ts';
import type { ByteSource } from './encoding/survey.ts';
import { unpackXz } from './unpack-xz.ts';

const DECOMPRESSORS: Record<string, (file: Readable) => AsyncIterable<Uint8Array>> = {
  '.gz': (file) => compose(file, createGunzip()),
  '.zst': (file) => compose(file, createZstdDecompress()),
  '.xz': unpackXz,
};

/** The endings of compressed files that are read. */
export const COMPRESSED = Object.keys(DECOMPRESSORS);

const CHUNK_BYTES = 1 << 20;

/** The bytes of `path`. `onRead` is told how many bytes came from the disk. */
async function* readChunks(path: string, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const decompress = DECOMPRESSORS[COMPRESSED.find((ending) => path.toLowerCase().endsWith(ending)) ?? ''];
  let counted = 0;
  try {
    for await (const chunk of decompress ? decompress(file) : file) {
      onRead(file.bytesRead - counted);
      counted = file.bytesRead;
      yield chunk as Buffer;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('unreadable-file', `${path} cannot be read: ${reason}`, {
      remedy: decompress
        ? 'check that the file is whole (was it cut off while being copied?)'
        : 'check its permissions',
      fields: { file: path },
      cause,
    });
  } finally {
    file.destroy();
  }
}

/** The decompressed stream; a failure of either end ends both. */
function compose(file: Readable, decompress: Transform): Readable {
  file.on('error', (error) => decompress.destroy(error));
  return file.pipe(decompress);
}

/** The whole of a file, decompressed. @throws DataError when it cannot be read */
export async function readDecompressed(path: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(readChunks(path, () => {})));
}

/** A file to be decoded. `onRead` is called with the bytes of every read, in every pass. */
export function fileSource(path: string, onRead: (bytes: number) => void = () => {}): ByteSource {
  return { name: path, chunks: () => readChunks(path, onRead) };
}
