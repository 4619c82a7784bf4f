// A binary tree over numbers that gives their sum (or least) at once, changes one in O(log n), and finds where a point of the
// cumulative sum lies. Every node is computed from its two children alone, so a tree depends on its leaves and not on the order
// in which they were set.

abstract class Tree {
  /** Leaves, a power of two. */
  protected readonly size: number;
  /** Node i has the children 2 i and 2 i + 1; the root is 1, leaf k is at size + k. */
  protected readonly nodes: Float64Array;

  protected constructor(leaves: number, empty: number) {
    this.size = 2 ** Math.ceil(Math.log2(Math.max(2, leaves)));
    this.nodes = new Float64Array(2 * this.size).fill(empty);
  }

  protected abstract combine(left: number, right: number): number;

  get(leaf: number): number {
    return this.nodes[this.size + leaf]!;
  }

  set(leaf: number, value: number): void {
    let node = this.size + leaf;
    this.nodes[node] = value;
    for (node >>= 1; node >= 1; node >>= 1)
      this.nodes[node] = this.combine(this.nodes[2 * node]!, this.nodes[2 * node + 1]!);
  }

  /** Of the first `count` leaves, to be saved. */
  leaves(count: number): Float64Array {
    return this.nodes.slice(this.size, this.size + count);
  }

  /** Puts all leaves at once. */
  load(leaves: Float64Array): void {
    this.nodes.set(leaves, this.size);
    for (let node = this.size - 1; node >= 1; node--)
      this.nodes[node] = this.combine(this.nodes[2 * node]!, this.nodes[2 * node + 1]!);
  }
}

/** Leaves at or above 0, at first 0. */
export class SumTree extends Tree {
  constructor(leaves: number) {
    super(leaves, 0);
  }

  protected override combine(left: number, right: number): number {
    return left + right;
  }

  get sum(): number {
    return this.nodes[1]!;
  }

  /** The leaf in which the point `x` of [0, sum) lies; one that is above 0. */
  find(x: number): number {
    let node = 1;
    let rest = x;
    while (node < this.size) {
      node *= 2;
      const left = this.nodes[node]!;
      // Rounding may take a point past the end: there is nothing to the right of it then.
      if (rest >= left && this.nodes[node + 1]! > 0) {
        rest -= left;
        node++;
      }
    }
    return node - this.size;
  }
}

/** At first ∞ everywhere. */
export class MinTree extends Tree {
  constructor(leaves: number) {
    super(leaves, Infinity);
  }

  protected override combine(left: number, right: number): number {
    return Math.min(left, right);
  }

  get min(): number {
    return this.nodes[1]!;
  }
}
