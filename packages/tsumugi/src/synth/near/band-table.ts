// From the hash of a band to the texts that have it, in flat memory: 10 to 20 bytes a text (slots of 8 bytes, of which at
// most 4 in 5 are full).

/** Numbers of texts are stored one higher: 0 is an empty slot. */
export class BandTable {
  #hashes: Uint32Array;
  #texts: Uint32Array;
  #size = 0;

  /** @param room for how many texts there is room at first */
  constructor(room: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, 1.25 * room)));
    this.#hashes = new Uint32Array(slots);
    this.#texts = new Uint32Array(slots);
  }

  /**
   * Asks `alike` of those texts under the hash, in the order in which they came, until it is true of one. If it is of none,
   * the text is put there too. Of many texts under one hash only the first `most` are asked and stored: work stays bounded.
   */
  meet(hash: number, text: number, most: number, alike: (other: number) => boolean): void {
    if (this.#size >= 0.8 * this.#texts.length) this.#grow();
    const last = this.#texts.length - 1;
    let asked = 0;
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const other = this.#texts[slot]!;
      if (other === 0) {
        this.#hashes[slot] = hash;
        this.#texts[slot] = text + 1;
        this.#size++;
        return;
      }
      if (this.#hashes[slot] === hash && (alike(other - 1) || ++asked === most)) return;
    }
  }

  #grow(): void {
    const [hashes, texts] = [this.#hashes, this.#texts];
    const last = 2 * texts.length - 1;
    this.#hashes = new Uint32Array(last + 1);
    this.#texts = new Uint32Array(last + 1);
    // Begins behind an empty slot, so that texts under one hash keep their order where a run goes around the end.
    const start = texts.indexOf(0);
    for (let i = 0; i < texts.length; i++) {
      const from = (start + i) & (texts.length - 1);
      if (texts[from] === 0) continue;
      let slot = hashes[from]! & last;
      while (this.#texts[slot] !== 0) slot = (slot + 1) & last;
      this.#hashes[slot] = hashes[from]!;
      this.#texts[slot] = texts[from]!;
    }
  }
}
