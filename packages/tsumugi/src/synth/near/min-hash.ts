// MinHash (Broder 1997, "On the resemblance and containment of documents"): sets as short signatures, of which the share of
// equal entries estimates the Jaccard similarity |A ∩ B| / |A ∪ B|.
import { deriveSeed, RandomStream } from '../../base/index.ts';

/**
 * Entry i of a signature is the least of π_i(x) over the x of the set. For a random permutation π, the least of A ∪ B is in
 * both sets with the chance J(A, B), so each entry of two signatures is equal with that chance: the mean over k entries has the
 * standard error √(J(1 − J) / k). π_i(x) = a_i·x + b_i mod 2³², a_i odd (one to one), on words that are hashes already.
 */
export class MinHash {
  readonly permutations: number;
  readonly #factors: Int32Array;
  readonly #offsets: Int32Array;

  constructor(permutations: number, seed: number) {
    this.permutations = permutations;
    const random = new RandomStream(deriveSeed(seed, 'min-hash'));
    this.#factors = Int32Array.from({ length: permutations }, () => random.nextUint32() | 1);
    this.#offsets = Int32Array.from({ length: permutations }, () => random.nextUint32() | 0);
  }

  /** Writes the signature of a set (at least one word; what repeats counts once) to `out` from `at` on. */
  sign(set: Uint32Array, out: Uint32Array, at = 0): void {
    for (let i = 0; i < this.permutations; i++) {
      const a = this.#factors[i]!;
      const b = this.#offsets[i]!;
      // Signed words are compared without leaving 32 bits; which order the words have does not matter.
      let least = 0x7fffffff;
      for (let j = 0; j < set.length; j++) {
        const image = (Math.imul(a, set[j]!) + b) | 0;
        if (image < least) least = image;
      }
      out[at + i] = least;
    }
  }

  /** The estimate of the similarity of two sets, from their signatures at two places of a block. */
  estimate(block: Uint32Array, one: number, other: number): number {
    let equal = 0;
    for (let i = 0; i < this.permutations; i++) if (block[one + i] === block[other + i]) equal++;
    return equal / this.permutations;
  }
}
