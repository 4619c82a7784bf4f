// Reads forward through a GGUF file that may say anything: every length is held against the bytes that are left before memory is
// taken for it, and what is read altogether has a ceiling.
import { readSync } from 'node:fs';
import { FormatError } from '../../base/index.ts';

/** Vocabularies of a quarter of a million tokens with their merges take some 20 MB. */
const metadataCeiling = 128 << 20;
const pieceBytes = 1 << 20;

/** The types of values by their numbers in the file, with the fewest bytes that one takes. */
export const valueTypes = [
  ['u8', 1],
  ['i8', 1],
  ['u16', 2],
  ['i16', 2],
  ['u32', 4],
  ['i32', 4],
  ['f32', 4],
  ['bool', 1],
  ['string', 8],
  ['array', 12],
  ['u64', 8],
  ['i64', 8],
  ['f64', 8],
] as const;

export type TypeName = (typeof valueTypes)[number][0];

/** Reads forward through the file, a piece at a time. */
export class Cursor {
  readonly bytes: number;
  /** What is being read, for errors. */
  section: 'metadata' | 'tensor' = 'metadata';
  key: string | undefined;
  /** Of the arrays so far. */
  elements = 0;
  readonly #descriptor: number;
  readonly #path: string;
  #piece = Buffer.alloc(0);
  /** Of the next byte, in the piece and in the file. */
  #offset = 0;
  #position = 0;

  constructor(descriptor: number, bytes: number, path: string) {
    this.#descriptor = descriptor;
    this.bytes = bytes;
    this.#path = path;
  }

  fail(fault: string): FormatError {
    const what = this.key === undefined ? '' : `: ${this.section} ${this.key}`;
    return new FormatError('bad-gguf', `${this.#path}${what} ${fault}`, {
      remedy: 'Get the file again from where it came from.',
      fields: { path: this.#path, ...(this.key !== undefined && { key: this.key }) },
    });
  }

  /** Of the next byte in the file. */
  get position(): number {
    return this.#position;
  }

  /** The next `length` bytes, valid until the next call. */
  take(length: number): Buffer {
    if (length > this.bytes - this.#position) throw this.fail('ends after the end of the file');
    if (this.#position + length > metadataCeiling)
      throw this.fail(`is beyond the first ${metadataCeiling >> 20} MiB, more than metadata needs`);
    if (this.#offset + length > this.#piece.length) this.#fill(length);
    const bytes = this.#piece.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    this.#position += length;
    return bytes;
  }

  #fill(length: number): void {
    const piece = Buffer.alloc(Math.min(Math.max(length, pieceBytes), this.bytes - this.#position));
    for (let done = 0; done < piece.length; ) {
      const count = readSync(this.#descriptor, piece, done, piece.length - done, this.#position + done);
      if (count === 0) throw this.fail('became shorter while it was read');
      done += count;
    }
    this.#piece = piece;
    this.#offset = 0;
  }

  /** A number of things that take at least `bytesEach`, so that there cannot be more of them than bytes. */
  length(bytesEach: number): number {
    const count = this.take(8).readBigUInt64LE();
    if (count * BigInt(bytesEach) > BigInt(this.bytes - this.#position))
      throw this.fail(`counts ${count}, more than the file has room for`);
    return Number(count);
  }

  string(longest = Number.POSITIVE_INFINITY): string {
    const length = this.length(1);
    if (length > longest) throw this.fail(`is a name of ${length} bytes, more than ${longest}`);
    // Broken vocabularies hold pieces that are no UTF-8; they are shown, not trusted.
    return this.take(length).toString('utf8');
  }

  type(): TypeName {
    const number = this.take(4).readUInt32LE();
    const type = valueTypes[number];
    if (!type) throw this.fail(`has the unknown type ${number}`);
    return type[0];
  }
}
