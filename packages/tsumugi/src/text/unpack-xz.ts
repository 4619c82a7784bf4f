// .xz, which Node's zlib does not know: XZ Embedded as WebAssembly (npm xz-decompress), a stream at a time.
import type { Readable } from 'node:stream';

/** What XZ Embedded's return codes (xz.h) mean to whoever has the file. */
const REASONS: Readonly<Record<string, string>> = {
  5: 'it is not an .xz file',
  6: 'it was packed with an option of xz that is not read here (a check other than CRC, a filter); pack it anew with plain xz',
  7: 'its content is damaged',
  8: 'it ends too early',
};

/** The content of an .xz file, given its bytes. Checked by the CRCs inside. @throws Error with the reason in words */
export async function* unpackXz(file: Readable): AsyncGenerator<Uint8Array> {
  // Loaded when an .xz file is met: most runs have none.
  const { default: xz } = await import('xz-decompress');
  let any = false;
  const counted = async function* () {
    for await (const chunk of file) {
      any = true;
      yield chunk as Uint8Array;
    }
  };
  try {
    yield* new xz.XzReadableStream(ReadableStream.from(counted()));
  } catch (cause) {
    const code = /error code (\d+)/.exec((cause as Error).message)?.[1];
    throw new Error(any ? (REASONS[code ?? ''] ?? (cause as Error).message) : 'it is empty', { cause });
  }
}
