// Spreads what differs in few bits over all 32.

/** The finalizer of MurmurHash3 (Appleby): every bit of the result depends on every bit of the word. One to one. */
export function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
