// A set of 128-bit digests in flat memory: 32 to 64 bytes for each, and no limit of 16.7 million entries as `Set` has.

const WORDS = 4;

/** Open addressing with linear probing; an entry of four zero words means "empty" (a digest of all zeros is not to be met). */
export class DigestSet {
  #table = new Uint32Array(WORDS * 1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the first 16 bytes of a digest; false if they were there. */
  add(digest: Buffer): boolean {
    const words = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)];
    if (2 * WORDS * (this.#size + 1) > this.#table.length) this.#grow();
    if (!insert(this.#table, words)) return false;
    this.#size++;
    return true;
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#table.length);
    for (let i = 0; i < this.#table.length; i += WORDS) {
      const words = this.#table.subarray(i, i + WORDS);
      if (words.some((word) => word !== 0)) insert(larger, words);
    }
    this.#table = larger;
  }
}

function insert(table: Uint32Array, words: ArrayLike<number>): boolean {
  const slots = table.length / WORDS;
  for (let slot = words[0]! % slots; ; slot = (slot + 1) % slots) {
    const at = WORDS * slot;
    const [a, b, c, d] = [table[at]!, table[at + 1]!, table[at + 2]!, table[at + 3]!];
    if (a === words[0] && b === words[1] && c === words[2] && d === words[3]) return false;
    if (a === 0 && b === 0 && c === 0 && d === 0) {
      table.set(words, at);
      return true;
    }
  }
}
