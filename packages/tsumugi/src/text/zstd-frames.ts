// The frames of a .zst, counted: Node's decompressor stops without a word at bytes that begin no frame, and at a frame whose
// first four bytes are not all there. Only the sizes of blocks are looked at (RFC 8878 §3.1); the content is zlib's business.

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** Bytes that each state waits for; those of content are counted, not kept. */
const NEEDS = { magic: 4, descriptor: 1, block: 3, checksum: 4, skippable: 4 } as const;
type State = keyof typeof NEEDS;

export class ZstdFrames {
  #state: State = 'magic';
  #held = Buffer.alloc(0);
  #needed: number = NEEDS.magic;
  #skip = 0;
  #after: State = 'magic';
  #checksum = false;
  #offset = 0;

  /** @throws Error when the bytes are no frames of Zstandard */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        if (this.#skip > 0) break;
        this.#enter(this.#after);
        continue;
      }
      const taken = bytes.subarray(at, at + this.#needed - this.#held.length);
      this.#held = Buffer.concat([this.#held, taken]);
      at += taken.length;
      if (this.#held.length === this.#needed) this.#advance(this.#offset + at);
    }
    this.#offset += bytes.length;
  }

  /** @throws Error when the bytes end inside a frame */
  end(): void {
    if (this.#skip > 0 || this.#state !== 'magic' || this.#held.length > 0) throw new Error('it ends too early');
  }

  #enter(state: State): void {
    this.#state = state;
    this.#held = Buffer.alloc(0);
    this.#needed = NEEDS[state];
  }

  #skipTo(bytes: number, after: State): void {
    if (bytes === 0) this.#enter(after);
    else {
      this.#skip = bytes;
      this.#after = after;
    }
  }

  #advance(end: number): void {
    const held = this.#held;
    if (this.#state === 'magic') {
      const magic = held.readUInt32LE();
      if (magic === MAGIC) this.#enter('descriptor');
      else if ((magic & 0xfffffff0) === SKIPPABLE) this.#enter('skippable');
      else
        throw new Error(end === 4 ? 'it is no .zst file' : `what begins at byte ${end - 4} is no frame of Zstandard`);
    } else if (this.#state === 'descriptor') {
      const descriptor = held.readUInt8();
      const single = (descriptor & 0x20) !== 0;
      this.#checksum = (descriptor & 4) !== 0;
      const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
      this.#skipTo((single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]! + contentSize, 'block');
    } else if (this.#state === 'skippable') this.#skipTo(held.readUInt32LE(), 'magic');
    else if (this.#state === 'block') {
      const header = held.readUIntLE(0, 3);
      const after = (header & 1) === 0 ? 'block' : this.#checksum ? 'checksum' : 'magic';
      // A block of one byte many times over holds that byte.
      this.#skipTo(((header >> 1) & 3) === 1 ? 1 : header >> 3, after);
    } else this.#enter('magic');
  }
}
