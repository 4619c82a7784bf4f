// SHA-256 of bytes and of files, which are read in pieces.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const PIECE_BYTES = 4 << 20;

/** SHA-256 in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The bytes of an open file, in pieces that are valid until the next is asked for. */
export function* pieces(descriptor: number): Generator<Uint8Array> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  for (;;) {
    const length = readSync(descriptor, piece, 0, piece.length, null);
    if (length === 0) return;
    yield piece.subarray(0, length);
  }
}

/** SHA-256 of a file's content, in hexadecimal, read at once: `contentHash` is for what may be large. */
export function sha256File(path: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'r');
  try {
    for (const piece of pieces(descriptor)) hash.update(piece);
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}
