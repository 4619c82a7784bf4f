// A set of documents by their numbers, one bit for each that there is.

export class DocumentSet {
  readonly #bits: Uint8Array;
  #size = 0;

  /** @param documents how many there are, of which none is in the set */
  constructor(documents: number) {
    this.#bits = new Uint8Array(Math.ceil(documents / 8));
  }

  get size(): number {
    return this.#size;
  }

  has(document: number): boolean {
    return ((this.#bits[Math.floor(document / 8)]! >> (document % 8)) & 1) === 1;
  }

  /** Adds one that is not in it. */
  add(document: number): void {
    this.#bits[Math.floor(document / 8)]! |= 1 << (document % 8);
    this.#size++;
  }

  /** Takes one away that is in it. */
  delete(document: number): void {
    this.#bits[Math.floor(document / 8)]! &= ~(1 << (document % 8));
    this.#size--;
  }
}
