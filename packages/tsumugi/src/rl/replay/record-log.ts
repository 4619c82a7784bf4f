// Records appended to files of a folder ("chunks"), each with its length and CRC-32, so that what a crash left half written is
// seen. Chunks are numbered; a process that opens the folder goes on in a new one.
//
//   chunk:   a line of JSON that says what the records are, then records
//   record:  length u32, CRC-32 u32 (both little-endian), bytes
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { FormatError, UserError, writingAt } from '../../base/index.ts';
import { canonicalJson, type Json } from '../../store/index.ts';

const HEAD = 8;
const BUFFER_BYTES = 1 << 18;
const nameOf = (chunk: number) => `chunk-${String(chunk).padStart(6, '0')}.rows`;

/** Where the log ends. */
export interface LogPosition {
  chunk: number;
  bytes: number;
}

export class RecordLog implements Disposable {
  readonly #folder: string;
  readonly #header: string;
  readonly #chunkBytes: number;
  #chunk: number;
  #file: number | undefined;
  /** Of the chunk, with what is still in the buffer. */
  #bytes = 0;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #filled = 0;

  /** @param layout what the records are: a log of others is refused */
  constructor(folder: string, layout: Json, chunkBytes: number) {
    this.#folder = folder;
    this.#header = `${canonicalJson(layout)}\n`;
    this.#chunkBytes = chunkBytes;
    mkdirSync(folder, { recursive: true });
    this.#chunk = this.#chunks().at(-1) ?? 0;
  }

  #chunks(): number[] {
    return readdirSync(this.#folder)
      .map((name) => /^chunk-(\d{6,})\.rows$/.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The records of the newest chunks that together have at least `count`, oldest first. */
  newest(count: number): Buffer[] {
    const parts: Buffer[][] = [];
    let found = 0;
    for (const chunk of this.#chunks().reverse()) {
      if (found >= count) break;
      const records = this.#read(chunk);
      parts.unshift(records);
      found += records.length;
    }
    return parts.flat();
  }

  #read(chunk: number): Buffer[] {
    const path = join(this.#folder, nameOf(chunk));
    const bytes = readFileSync(path);
    const headerEnd = bytes.indexOf(10) + 1;
    // A crash may come before the header is written.
    if (headerEnd === 0) return [];
    if (bytes.toString('utf8', 0, headerEnd) !== this.#header)
      throw new UserError('wrong-replay', `${path} holds steps of another kind`, {
        remedy: 'Replay on disk can be opened with the spaces, the stack and the extras that it was written with.',
        fields: { path },
      });
    const records: Buffer[] = [];
    for (let at = headerEnd; at < bytes.length; ) {
      const end = at + HEAD <= bytes.length ? at + HEAD + bytes.readUInt32LE(at) : Infinity;
      // Half of a record at the end is what a crash leaves.
      if (end > bytes.length) break;
      const record = bytes.subarray(at + HEAD, end);
      if (crc32(record) !== bytes.readUInt32LE(at + 4)) {
        if (end === bytes.length) break;
        throw new FormatError('broken-replay', `${path}: the record at byte ${at} does not match its checksum`, {
          remedy: 'The file was damaged; remove it, and what the other chunks hold stays.',
          fields: { path, at },
        });
      }
      records.push(record);
      at = end;
    }
    return records;
  }

  append(record: Uint8Array): void {
    if (this.#file === undefined || this.#bytes >= this.#chunkBytes) this.#nextChunk();
    const size = HEAD + record.length;
    if (this.#filled + size > BUFFER_BYTES) this.#write();
    const head = Buffer.alloc(HEAD);
    head.writeUInt32LE(record.length, 0);
    head.writeUInt32LE(crc32(record), 4);
    this.#put(head);
    this.#put(record);
    this.#bytes += size;
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES) {
      this.#write();
      this.#writeAll(bytes);
      return;
    }
    if (this.#filled + bytes.length > BUFFER_BYTES) this.#write();
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  #nextChunk(): void {
    this.#close();
    this.#chunk++;
    this.#file = this.#make(join(this.#folder, nameOf(this.#chunk)));
    const header = Buffer.from(this.#header);
    this.#put(header);
    this.#bytes = header.length;
  }

  /** @throws UserError when another log has made it meanwhile */
  #make(path: string): number {
    try {
      return writingAt(path, () => openSync(path, 'ax'));
    } catch (error) {
      if (!existsSync(path)) throw error;
      throw new UserError('replay-in-use', `${path} is there already: another buffer writes into ${this.#folder}`, {
        remedy: 'Give each buffer a folder of its own.',
        fields: { path },
        cause: error,
      });
    }
  }

  #write(): void {
    if (this.#filled === 0 || this.#file === undefined) return;
    let written = 0;
    try {
      this.#writeAll(this.#buffer.subarray(0, this.#filled), (bytes) => {
        written += bytes;
      });
    } finally {
      // What a full disk did not take comes next, where there is room again.
      this.#buffer.copyWithin(0, written, this.#filled);
      this.#filled -= written;
    }
  }

  /** A disk that is nearly full takes a part. @throws UserError when it takes no more */
  #writeAll(bytes: Uint8Array, tell: (written: number) => void = () => {}): void {
    writingAt(join(this.#folder, nameOf(this.#chunk)), () => {
      for (let at = 0; at < bytes.length; ) {
        const written = writeSync(this.#file!, bytes, at, bytes.length - at);
        tell(written);
        at += written;
      }
    });
  }

  /** Hands everything to the system: it is there when the process dies. */
  flush(): void {
    this.#write();
  }

  /** Where the log ends, once everything is on the disk: it is there when the machine dies. */
  position(): LogPosition {
    this.#write();
    if (this.#file !== undefined) fsyncSync(this.#file);
    return { chunk: this.#chunk, bytes: this.#file === undefined ? -1 : this.#bytes };
  }

  /** Removes what came after a position. What follows goes into a new chunk. */
  cutTo({ chunk, bytes }: LogPosition): void {
    this.#filled = 0;
    this.#close();
    for (const each of this.#chunks()) {
      const path = join(this.#folder, nameOf(each));
      if (each > chunk) rmSync(path);
      else if (each === chunk && bytes >= 0 && statSync(path).size > bytes) truncateSync(path, bytes);
    }
    this.#chunk = chunk;
  }

  #close(): void {
    this.#write();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}
