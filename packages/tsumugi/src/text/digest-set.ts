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
    const words = wordsOf(digest);
    if (2 * WORDS * (this.#size + 1) > this.#table.length) this.#grow();
    const at = find(this.#table, words);
    if (at < 0) return false;
    this.#table.set(words, at);
    this.#size++;
    return true;
  }

  has(digest: Buffer): boolean {
    return find(this.#table, wordsOf(digest)) < 0;
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#table.length);
    for (let i = 0; i < this.#table.length; i += WORDS) {
      const words = this.#table.subarray(i, i + WORDS);
      if (words.some((word) => word !== 0)) larger.set(words, find(larger, words));
    }
    this.#table = larger;
  }
}

const wordsOf = (digest: Buffer): number[] => [0, 4, 8, 12].map((at) => digest.readUInt32LE(at));

/** Where the words would stand, or −1 where they do. */
function find(table: Uint32Array, words: ArrayLike<number>): number {
  const slots = table.length / WORDS;
  for (let slot = words[0]! % slots; ; slot = (slot + 1) % slots) {
    const at = WORDS * slot;
    const [a, b, c, d] = [table[at]!, table[at + 1]!, table[at + 2]!, table[at + 3]!];
    if (a === words[0] && b === words[1] && c === words[2] && d === words[3]) return -1;
    if (a === 0 && b === 0 && c === 0 && d === 0) return at;
  }
}
