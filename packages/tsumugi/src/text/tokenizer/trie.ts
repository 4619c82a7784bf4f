// A trie over UTF-16 code units, kept in one Int32Array: an open-addressing hash table keyed by (parent, unit) whose
// slots are the nodes themselves, so that a step costs one hash and, nearly always, one cache line. The first step, which
// every position of a text takes, is a plain look-up.

const FIELDS = 4;
const EMPTY = -2;
const ROOT = -1;

/** The value of a node that ends no key. */
export const NO_VALUE = -(2 ** 31);
/** What a step returns when no key goes on that way. */
export const NO_NODE = -3;

/** Maps strings to a pair of 32-bit integers, a value and a cost; found by walking code unit after code unit. */
export class Trie {
  /** Nodes of four integers: parent node, code unit, value, cost. A node's number is its offset here. */
  readonly #nodes: Int32Array;
  readonly #mask: number;
  readonly #roots: Int32Array;

  /** @param value and @param cost of the key with the given index; later equal keys replace earlier ones */
  constructor(keys: readonly string[], value: (index: number) => number, cost: (index: number) => number) {
    // How many nodes the keys share is only known afterwards: on overflow, start again with twice the room.
    for (let slots = 1024; ; slots *= 2) {
      if (slots < keys.length * 2) continue;
      const nodes = new Int32Array(slots * FIELDS);
      this.#nodes = nodes;
      this.#mask = slots - 1;
      if (this.#fill(keys, value, cost)) break;
    }
    this.#roots = Int32Array.from({ length: 0x10000 }, (_, unit) => this.child(ROOT, unit));
  }

  /** The node of the keys that begin with `unit`, or NO_NODE. */
  root(unit: number): number {
    return this.#roots[unit]!;
  }

  /** The node reached from `node` by `unit`, or NO_NODE. */
  child(node: number, unit: number): number {
    const nodes = this.#nodes;
    const mask = this.#mask;
    let slot = hash(node, unit) & mask;
    for (;;) {
      const offset = slot * FIELDS;
      const parent = nodes[offset]!;
      if (parent === node && nodes[offset + 1] === unit) return offset;
      if (parent === EMPTY) return NO_NODE;
      slot = (slot + 1) & mask;
    }
  }

  /** The value of the key that ends at `node`, or NO_VALUE. */
  value(node: number): number {
    return this.#nodes[node + 2]!;
  }

  cost(node: number): number {
    return this.#nodes[node + 3]!;
  }

  #fill(keys: readonly string[], value: (index: number) => number, cost: (index: number) => number): boolean {
    const nodes = this.#nodes;
    const mask = this.#mask;
    for (let offset = 0; offset < nodes.length; offset += FIELDS) nodes[offset] = EMPTY;
    let room = (mask + 1) >> 1;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      let node = ROOT;
      for (let i = 0; i < key.length; i++) {
        const unit = key.charCodeAt(i);
        let offset = (hash(node, unit) & mask) * FIELDS;
        while (nodes[offset] !== EMPTY && !(nodes[offset] === node && nodes[offset + 1] === unit)) {
          offset = (offset + FIELDS) & (nodes.length - 1);
        }
        if (nodes[offset] === EMPTY) {
          if (--room < 0) return false;
          nodes[offset] = node;
          nodes[offset + 1] = unit;
          nodes[offset + 2] = NO_VALUE;
        }
        node = offset;
      }
      nodes[node + 2] = value(index);
      nodes[node + 3] = cost(index);
    }
    return true;
  }
}

function hash(node: number, unit: number): number {
  const h = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return h ^ (h >>> 15);
}
