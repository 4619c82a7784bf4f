// A tree of id sequences finds what a search through all of them finds.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { PrefixTree } from './prefix-tree.ts';

/** The definition, by looking at every sequence. */
function search(kept: ReadonlyMap<string, number[]>, ids: number[]) {
  let shared = 0;
  for (const other of kept.values()) {
    let n = 0;
    while (n < ids.length && n < other.length && ids[n] === other[n]) n++;
    shared = Math.max(shared, n);
  }
  const beginnings = [...kept.values()]
    .filter((each) => each.length < ids.length && each.every((id, i) => ids[i] === id))
    .sort((a, b) => a.length - b.length)
    .map((each) => each.join());
  return { beginnings, shared, whole: kept.has(ids.join()) ? ids.join() : undefined };
}

it('finds what a search through all sequences finds, whatever went in and out', () => {
  const random = new RandomStream(6);
  // Words of two letters: much is shared, and some begin with others.
  const word = () => Array.from({ length: 1 + random.below(9) }, () => random.below(2));
  for (let round = 0; round < 60; round++) {
    const tree = new PrefixTree<string>();
    const kept = new Map<string, number[]>();
    for (let i = 0; i < 60; i++) {
      const ids = word();
      if (random.below(3) === 0) {
        tree.delete(ids);
        kept.delete(ids.join());
      } else {
        tree.set(ids, ids.join());
        kept.set(ids.join(), ids);
      }
      const sought = word();
      expect(tree.find(sought)).toEqual(search(kept, sought));
      expect(tree.get(sought)).toBe(search(kept, sought).whole);
      expect(tree.isEmpty).toBe(kept.size === 0);
    }
    for (const ids of kept.values()) tree.delete(ids);
    expect(tree.find([0, 1, 0])).toEqual({ beginnings: [], whole: undefined, shared: 0 });
    expect(tree.isEmpty).toBe(true);
  }
});
