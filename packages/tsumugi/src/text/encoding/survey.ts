// One pass over the bytes of a file: what a decision about its encoding needs.
import { isAscii } from 'node:buffer';

/** A stream of bytes that can be read more than once. `name` is what errors call it. */
export interface ByteSource {
  readonly name: string;
  chunks(): AsyncIterable<Uint8Array>;
}

export interface Survey {
  /** The encoding that a byte-order mark tells. */
  mark: 'utf-8' | 'utf-16le' | 'utf-16be' | 'utf-32le' | 'utf-32be' | undefined;
  bytes: number;
  validUtf8: boolean;
  ascii: boolean;
  /** A sequence that names a Japanese character set in ISO-2022-JP. */
  japaneseEscape: boolean;
  /** Offset of the first zero byte. */
  firstZero: number | undefined;
  /** Up to `SAMPLE_BYTES` from the beginning, or from the first chunk with a byte beyond ASCII when so much comes before it. */
  sample: Buffer;
}

const SAMPLE_BYTES = 1 << 16;
const MARKS = [
  ['utf-32le', [0xff, 0xfe, 0, 0]],
  ['utf-32be', [0, 0, 0xfe, 0xff]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
  ['utf-8', [0xef, 0xbb, 0xbf]],
] as const;

const asLatin1 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

export async function survey(source: ByteSource, isDesignation: RegExp): Promise<Survey> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const found: Survey = {
    mark: undefined,
    bytes: 0,
    validUtf8: true,
    ascii: true,
    japaneseEscape: false,
    firstZero: undefined,
    sample: Buffer.alloc(0),
  };
  let head = Buffer.alloc(0);
  let sample: Buffer[] = [];
  let sampled = 0;
  /** The last bytes of the chunk before, where an escape sequence may begin. */
  let tail = '';
  const decode = (chunk?: Uint8Array) => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      found.validUtf8 = false;
    }
  };
  for await (const chunk of source.chunks()) {
    if (head.length < 4) {
      head = Buffer.concat([head, chunk.subarray(0, 4)]);
      found.mark = MARKS.find(([, mark]) => mark.every((byte, i) => head[i] === byte))?.[0];
    }
    if (found.mark && found.mark !== 'utf-8' && head.length >= 4) return found;
    const zero = found.firstZero === undefined ? chunk.indexOf(0) : -1;
    if (zero >= 0) found.firstZero = found.bytes + zero;
    if (found.validUtf8) decode(chunk);
    const plain = isAscii(chunk);
    // The sample is full and all ASCII, which says little: it begins anew here, at a character of every encoding.
    if (found.ascii && !plain && sampled >= SAMPLE_BYTES && found.bytes % 2 === 0) [sample, sampled] = [[], 0];
    found.ascii &&= plain;
    if (sampled < SAMPLE_BYTES) {
      sample.push(Buffer.from(chunk.subarray(0, SAMPLE_BYTES - sampled)));
      sampled += chunk.length;
    }
    if (found.ascii && !found.japaneseEscape && (tail.includes('\x1b') || chunk.includes(0x1b))) {
      const text = tail + asLatin1(chunk);
      found.japaneseEscape = isDesignation.test(text);
      tail = text.slice(-3);
    }
    found.bytes += chunk.length;
  }
  if (found.validUtf8) decode();
  found.sample = Buffer.concat(sample);
  return found;
}
