// A file as a stream of bytes, decompressed by its name's ending (.gz, .zst, .xz), with a count of what was read from the
// disk. A compressed file must be whole to its last byte, and may not swell beyond what text does.
import { createReadStream } from 'node:fs';
import type { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { DataError } from '../base/index.ts';
import type { ByteSource } from './encoding/survey.ts';
import { FREE_EXPANSION, MAX_EXPANSION, mebibytes } from './limits.ts';
import { unpackXz } from './unpack-xz.ts';
import { ZstdFrames } from './zstd-frames.ts';

const CHUNK_BYTES = 1 << 18; // a megabyte for each of many small files is mostly work for the garbage collector
/** What a decompressor gives at a time: its default of 16 KiB costs more in passing on than in unpacking. */
const options = { chunkSize: 1 << 18 };

const DECOMPRESSORS: Record<string, (file: Readable) => AsyncIterable<Uint8Array>> = {
  '.gz': (file) => compose(file, createGunzip(options)),
  '.zst': unpackZstd,
  '.xz': unpackXz,
};

/** The endings of compressed files that are read. */
export const COMPRESSED = Object.keys(DECOMPRESSORS);

async function* unpackZstd(file: Readable): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  let fault: Error | undefined;
  file.on('data', (chunk: Buffer) => {
    try {
      frames.push(chunk);
    } catch (error) {
      fault = error as Error;
      file.destroy(fault);
    }
  });
  yield* compose(file, createZstdDecompress(options));
  // The decompressor may have come to its end before it heard of it.
  if (fault) throw fault;
  frames.end();
}

/** What decompressors say, for whoever has the file. */
const REASONS: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'it ends too early',
  Z_DATA_ERROR: 'its content is damaged, or something that is not gzip follows it',
  ZSTD_error_dictionary_wrong: 'it was packed with a dictionary; unpack it first, with that dictionary',
  ZSTD_error_frameParameter_windowTooLarge:
    'it was packed with a larger window than is read; unpack it with zstd --long=31',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOENT: 'it is no longer there',
};

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code?.startsWith('ZSTD_error') && !REASONS[code]) return 'its content is damaged';
  return REASONS[code ?? ''] ?? message ?? String(cause);
}

/** The bytes of `path`, or of a range of it. `onRead` is told how many bytes came from the disk. */
async function* readChunks(
  path: string,
  onRead: (bytes: number) => void,
  range?: readonly [from: number, to: number],
): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, {
    highWaterMark: CHUNK_BYTES,
    ...(range && { start: range[0], end: range[1] - 1 }),
  });
  const decompress = DECOMPRESSORS[COMPRESSED.find((ending) => path.toLowerCase().endsWith(ending)) ?? ''];
  let counted = 0;
  let unpacked = 0;
  try {
    for await (const chunk of decompress ? decompress(file) : file) {
      onRead(file.bytesRead - counted);
      counted = file.bytesRead;
      unpacked += (chunk as Buffer).length;
      if (unpacked > FREE_EXPANSION + MAX_EXPANSION * counted) throw expandsTooFar(path, unpacked, counted);
      yield chunk as Buffer;
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('unreadable-file', `${path} cannot be read: ${reasonOf(cause)}`, {
      remedy: decompress
        ? 'check that the file is whole (was it cut off while being copied?) and of the kind its name says'
        : 'check its permissions',
      fields: { file: path },
      cause,
    });
  } finally {
    file.destroy();
  }
}

function expandsTooFar(path: string, unpacked: number, packed: number): DataError {
  return new DataError(
    'expands-too-far',
    `${path} unpacks to more than ${MAX_EXPANSION} times its size (${mebibytes(unpacked)} from ${mebibytes(packed)} so far), which text does not`,
    {
      remedy: 'Remove it; if it is really text, unpack it yourself and give that.',
      fields: { file: path, unpacked, packed, limit: MAX_EXPANSION },
    },
  );
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

/** A file to be decoded, or a range of its bytes. `onRead` is called with the bytes of every read, in every pass. */
export function fileSource(
  path: string,
  onRead: (bytes: number) => void = () => {},
  range?: readonly [from: number, to: number],
): ByteSource {
  return { name: path, chunks: () => readChunks(path, onRead, range) };
}
