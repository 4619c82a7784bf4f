// From n-grams to the texts in which they stand first, in flat memory: 12 bytes a slot, at most 4 in 5 of which are full.

/** An n-gram is known by two hashes of 32 bits: of a thousand million pairs, one in some 10⁹ is equal by chance. */
export class GramIndex {
  #slots = new Uint32Array(3 * 1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an n-gram unless it is there. @param text 0, 1, … */
  add(one: number, other: number, text: number): void {
    if (this.#size >= 0.8 * (this.#slots.length / 3)) this.#grow();
    const at = find(this.#slots, one, other);
    if (this.#slots[at + 2] !== 0) return;
    put(this.#slots, at, one, other, text + 1);
    this.#size++;
  }

  /** The text in which it stood first, or −1. */
  text(one: number, other: number): number {
    return this.#slots[find(this.#slots, one, other) + 2]! - 1;
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#slots.length);
    for (let at = 0; at < this.#slots.length; at += 3) {
      const [one, other, text] = [this.#slots[at]!, this.#slots[at + 1]!, this.#slots[at + 2]!];
      if (text !== 0) put(larger, find(larger, one, other), one, other, text);
    }
    this.#slots = larger;
  }
}

/** Where it stands, or else where it would: a slot whose text is 0. */
function find(slots: Uint32Array, one: number, other: number): number {
  const last = slots.length / 3 - 1;
  for (let slot = one & last; ; slot = (slot + 1) & last) {
    const at = 3 * slot;
    if (slots[at + 2] === 0 || (slots[at] === one && slots[at + 1] === other)) return at;
  }
}

function put(slots: Uint32Array, at: number, one: number, other: number, text: number): void {
  slots[at] = one;
  slots[at + 1] = other;
  slots[at + 2] = text;
}
