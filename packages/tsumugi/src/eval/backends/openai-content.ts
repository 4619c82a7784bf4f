// From the bytes of an answer to its text: content codings (RFC 9110, §8.4: names in any case, several in the order in which they
// were applied), and the charset that the service names.
import type { IncomingHttpHeaders } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/** An answer came, and its bytes are no text. */
export class UnreadableBody extends Error {
  override name = 'UnreadableBody';
}

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Buffer;

/** "deflate" is zlib's format, but some services send it without zlib's header. */
const inflate: Decode = (bytes, options) =>
  (bytes[0]! & 0x0f) === 8 && bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0
    ? inflateSync(bytes, options)
    : inflateRawSync(bytes, options);

const decoders: ReadonlyMap<string, Decode> = new Map([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflate],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
]);

/** @throws UnreadableBody for codings that are unknown or broken, and for more than `maxBytes` */
export function textOfBody(body: Buffer, headers: IncomingHttpHeaders, maxBytes: number): string {
  const codings = (headers['content-encoding'] ?? '').toLowerCase().split(/[\s,]+/);
  let bytes = body;
  for (const coding of codings.reverse()) {
    if (coding === '' || coding === 'identity' || bytes.length === 0) continue;
    const decode = decoders.get(coding);
    if (!decode) throw new UnreadableBody(`it is encoded as "${coding}"`);
    try {
      bytes = decode(bytes, { maxOutputLength: maxBytes });
    } catch (cause) {
      throw new UnreadableBody(`it is no ${coding}: ${(cause as Error).message}`, { cause });
    }
  }
  return decoderFor(headers['content-type']).decode(bytes);
}

/** Of the charset in a content type; UTF-8, which JSON should be, for none or an unknown one. */
function decoderFor(type: string | undefined): TextDecoder {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type ?? '')?.[1];
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
