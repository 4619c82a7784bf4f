// Groups that grow together (union-find): the first of each is its root.

export class UnionFind {
  #parents = new Uint32Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A new one, in a group of its own; its number. */
  add(): number {
    if (this.#size === this.#parents.length) {
      const larger = new Uint32Array(2 * this.#size);
      larger.set(this.#parents);
      this.#parents = larger;
    }
    this.#parents[this.#size] = this.#size;
    return this.#size++;
  }

  /** The first of its group. */
  first(one: number): number {
    const parents = this.#parents;
    let root = one;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]!]!;
      root = parents[root]!;
    }
    return root;
  }

  join(one: number, other: number): void {
    const [a, b] = [this.first(one), this.first(other)];
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }
}
