// Texts that are nearly the same, found in one pass: MinHash over n-grams of characters, LSH bands, union-find.
import { checkCount, checkNumber, checkOptions, checkSeed } from '../../base/index.ts';
import { gramHashes } from '../grams.ts';
import { mix } from '../mix.ts';
import { codePoints, normalized } from '../normalized.ts';
import { BandTable } from './band-table.ts';
import { type Bands, bandsFor } from './bands.ts';
import { MinHash } from './min-hash.ts';

import { UnionFind } from './union-find.ts';

/** All defaults are our choice. */
export interface NearDuplicateOptions {
  /** The similarity (Jaccard, of the sets of n-grams) from which texts are alike: 0.8. */
  threshold?: number;
  /** Characters in an n-gram: 5. */
  ngram?: number;
  /** Entries of a signature: 128. The estimate's standard error is √(s(1 − s) / permutations). */
  permutations?: number;
  /** The chance with which a pair at the threshold is compared, which the bands are chosen for: 0.95. */
  recall?: number;
  /** The estimate from which a pair that is compared is alike: the threshold. */
  leastEstimate?: number;
  /** Of how many texts with a band in common but not alike a further one is compared with each: 32. Bounds the work. */
  comparisons?: number;
  /** How many texts are expected, for memory that need not grow: 1,024. */
  expected?: number;
  /** 0. */
  seed?: number;
}

const names = {
  threshold: true,
  ngram: true,
  permutations: true,
  recall: true,
  leastEstimate: true,
  comparisons: true,
  expected: true,
  seed: true,
} as const;

/**
 * Takes texts one after the other and keeps their signatures only: 4 bytes an entry, and up to 20 bytes a band. Two texts are
 * in one group when they, or a row of texts between them, were compared and found alike. In a band, a text is not stored beside
 * an earlier one of its group: a later text meets the earliest.
 */
export class NearDuplicates {
  readonly bands: Bands;
  readonly #hasher: MinHash;
  readonly #tables: BandTable[];
  readonly #groups = new UnionFind();
  readonly #ngram: number;
  readonly #least: number;
  readonly #comparisons: number;
  #signatures: Uint32Array;

  constructor(options: NearDuplicateOptions = {}) {
    checkOptions('NearDuplicates', options, names);
    const { threshold = 0.8, ngram = 5, permutations = 128, recall = 0.95, comparisons = 32 } = options;
    const { leastEstimate = threshold, expected = 1024, seed = 0 } = options;
    checkNumber('NearDuplicates', 'threshold', threshold, { above: 0, max: 1 });
    checkNumber('NearDuplicates', 'recall', recall, { above: 0, below: 1 });
    checkNumber('NearDuplicates', 'leastEstimate', leastEstimate, { min: 0, max: 1 });
    checkCount('ngram', ngram, 1, 1000);
    checkCount('permutations', permutations, 1, 4096);
    checkCount('comparisons', comparisons, 1);
    checkCount('expected', expected, 1, 2 ** 27);
    this.bands = bandsFor(threshold, permutations, recall);
    this.#hasher = new MinHash(permutations, checkSeed(seed));
    this.#tables = Array.from({ length: this.bands.bands }, () => new BandTable(expected));
    this.#ngram = ngram;
    this.#least = leastEstimate;
    this.#comparisons = comparisons;
    this.#signatures = new Uint32Array(expected * permutations);
  }

  /** How many texts there have been. */
  get size(): number {
    return this.#groups.size;
  }

  /** Takes the next text. Returns its number: 0, 1, … */
  add(text: string): number {
    const width = this.#hasher.permutations;
    const number = this.#groups.add();
    if ((number + 1) * width > this.#signatures.length) this.#grow();
    const signatures = this.#signatures;
    this.#hasher.sign(gramHashes(codePoints(normalized(text)), this.#ngram), signatures, number * width);
    const alike = (other: number) => {
      if (this.#groups.first(other) === this.#groups.first(number)) return true;
      if (this.#hasher.estimate(signatures, number * width, other * width) < this.#least) return false;
      this.#groups.join(number, other);
      return true;
    };
    for (const [band, table] of this.#tables.entries()) {
      let hash = band;
      const from = number * width + band * this.bands.rows;
      for (let i = from; i < from + this.bands.rows; i++) hash = mix(hash ^ signatures[i]!);
      table.meet(hash, number, this.#comparisons, alike);
    }
    return number;
  }

  /** The number of the first text of the group of a text: the one that is kept. Texts to come may join groups. */
  first(text: number): number {
    return this.#groups.first(text);
  }

  /** Whether a text is the first of its group. */
  isKept(text: number): boolean {
    return this.first(text) === text;
  }

  /** The groups of two or more, each with its first text first, in the order of these. */
  groups(): number[][] {
    const groups = new Map<number, number[]>();
    for (let text = 0; text < this.size; text++) {
      const first = this.first(text);
      if (first === text) continue;
      const group = groups.get(first);
      if (group) group.push(text);
      else groups.set(first, [first, text]);
    }
    return [...groups.values()].sort(([a], [b]) => a! - b!);
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#signatures.length);
    larger.set(this.#signatures);
    this.#signatures = larger;
  }
}
