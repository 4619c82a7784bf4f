// A tree of id sequences (a compressed trie): what another sequence has in common with those in it is found in one walk.
// Edges are pieces of the sequences that were put in, not copies.

interface Node<T> {
  ids: readonly number[];
  /** The edge that leads here: ids[from … to). A node stands for ids[0 … to). */
  from: number;
  to: number;
  readonly children: Map<number, Node<T>>;
  /** Of the sequence that ends here. */
  value: T | undefined;
}

export interface Shared<T> {
  /** Of the sequences in the tree that the ids begin with, and that leave at least one of them: the shortest first. */
  beginnings: T[];
  /** Of the same sequence. */
  whole: T | undefined;
  /** How many ids it has in common with the one in the tree that has most. */
  shared: number;
}

export class PrefixTree<T> {
  readonly #root: Node<T> = { ids: [], from: 0, to: 0, children: new Map(), value: undefined };

  find(ids: readonly number[]): Shared<T> {
    const path = this.#path(ids);
    const last = path.at(-1)!;
    const beside = last.children.get(ids[last.to]!);
    const there = path.filter(({ value }) => value !== undefined);
    return {
      beginnings: there.filter(({ to }) => to < ids.length).map(({ value }) => value!),
      whole: there.find(({ to }) => to === ids.length)?.value,
      shared: beside ? commonUpTo(beside, ids) : last.to,
    };
  }

  get isEmpty(): boolean {
    return this.#root.children.size === 0 && this.#root.value === undefined;
  }

  get(ids: readonly number[]): T | undefined {
    const node = this.#path(ids).at(-1)!;
    return node.to === ids.length ? node.value : undefined;
  }

  set(ids: readonly number[], value: T): void {
    let node = this.#root;
    while (node.to < ids.length) {
      const next = node.children.get(ids[node.to]!);
      if (!next) {
        const leaf = { ids, from: node.to, to: ids.length, children: new Map<number, Node<T>>(), value };
        node.children.set(ids[node.to]!, leaf);
        return;
      }
      const shared = commonUpTo(next, ids);
      if (shared < next.to) {
        // The edge is cut in two.
        const middle: Node<T> = {
          ids: next.ids,
          from: next.from,
          to: shared,
          children: new Map([[next.ids[shared]!, next]]),
          value: undefined,
        };
        next.from = shared;
        node.children.set(ids[node.to]!, middle);
        node = middle;
      } else node = next;
    }
    node.value = value;
  }

  delete(ids: readonly number[]): void {
    const path = this.#path(ids);
    if (path.at(-1)!.to !== ids.length) return;
    path.at(-1)!.value = undefined;
    // A node without a value is there for two children or more.
    for (let i = path.length - 1; i > 0; i--) {
      const node = path[i]!;
      if (node.value !== undefined || node.children.size > 1) return;
      const [child] = node.children.values();
      if (child) child.from = node.from;
      const first = node.ids[node.from]!;
      if (child) path[i - 1]!.children.set(first, child);
      else path[i - 1]!.children.delete(first);
    }
  }

  /** The nodes whose sequences the ids begin with, from the root on. */
  #path(ids: readonly number[]): Node<T>[] {
    const path = [this.#root];
    for (;;) {
      const next = path.at(-1)!.children.get(ids[path.at(-1)!.to]!);
      if (!next || next.to > ids.length || commonUpTo(next, ids) < next.to) return path;
      path.push(next);
    }
  }
}

/** How far the ids go with a node's, from the start of its edge on. */
function commonUpTo(node: Node<unknown>, ids: readonly number[]): number {
  const end = Math.min(node.to, ids.length);
  let place = node.from;
  while (place < end && node.ids[place] === ids[place]) place++;
  return place;
}
