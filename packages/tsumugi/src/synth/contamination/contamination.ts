// Decontamination: which texts have pieces of evaluation sets in them, by n-grams of characters.
import { ConfigError, checkCount, checkNumber, checkOptions, UserError } from '../../base/index.ts';
import { gramHashes } from '../grams.ts';
import { codePoints, normalized } from '../normalized.ts';
import { GramIndex } from './gram-index.ts';

/** All defaults are our choice. */
export interface ContaminationOptions {
  /** Characters of the normalized text in an n-gram: 13. */
  ngram?: number;
  /** From which share of a text's n-grams that stand in evaluation sets it is contaminated: 0.2. */
  share?: number;
  /** From how many characters in a row, all in n-grams of evaluation sets, a text of any length is contaminated: 50, at least an n-gram. */
  run?: number;
  /** How many different n-grams the sets may have: 16,777,216. They take 15 to 30 bytes each. */
  most?: number;
}

export interface Contamination {
  contaminated: boolean;
  /** Of the text's n-grams, the share that stands in evaluation sets. */
  share: number;
  /** Characters in the longest run of such n-grams; 0 of none. */
  run: number;
  /** Where that run begins, in characters of the normalized text, and the evaluation text that had its first n-gram first. */
  place?: { at: number; set: string; row: number };
}

const SECOND = 1;

/** The n-grams of evaluation sets, and how much of a text is in them. Texts shorter than n count when they are equal. */
export class ContaminationIndex {
  readonly #grams = new GramIndex();
  readonly #sets: { name: string; first: number }[] = [];
  readonly #ngram: number;
  readonly #share: number;
  readonly #run: number;
  readonly #most: number;
  #texts = 0;

  constructor(options: ContaminationOptions = {}) {
    checkOptions('ContaminationIndex', options, { ngram: true, share: true, run: true, most: true });
    const { ngram = 13, share = 0.2, most = 2 ** 24 } = options;
    checkCount('ngram', ngram, 1, 1000);
    const run = options.run ?? Math.max(50, ngram);
    checkNumber('ContaminationIndex', 'share', share, { above: 0, max: 1 });
    checkNumber('ContaminationIndex', 'run', run, { min: 1, infinite: true });
    checkCount('most', most, 1, 2 ** 27);
    if (run < ngram)
      throw new ConfigError('bad-option', `run (${run}) is less than ngram (${ngram})`, {
        remedy: 'A run is at least one n-gram: raise run, or lower ngram.',
        fields: { run, ngram },
      });
    this.#ngram = ngram;
    this.#share = share;
    this.#run = run;
    this.#most = most;
  }

  /** How many different n-grams there are. */
  get size(): number {
    return this.#grams.size;
  }

  /**
   * Adds an evaluation set. Empty texts are passed over.
   *
   * @throws UserError when there are more n-grams than `most`
   */
  add(set: string, texts: Iterable<string>): void {
    this.#sets.push({ name: set, first: this.#texts });
    for (const text of texts) {
      const number = this.#texts++;
      const points = codePoints(normalized(text));
      if (points.length === 0) continue;
      const [hashes, second] = [gramHashes(points, this.#ngram), gramHashes(points, this.#ngram, SECOND)];
      for (const [i, hash] of hashes.entries()) this.#grams.add(hash, second[i]!, number);
      if (this.#grams.size > this.#most)
        throw new UserError('too-many-ngrams', `evaluation set ${set} brings more than ${this.#most} n-grams`, {
          remedy: 'Raise most (15 to 30 bytes of memory for each), or leave out long contexts.',
          fields: { set, most: this.#most },
        });
    }
  }

  judge(text: string): Contamination {
    const points = codePoints(normalized(text));
    if (points.length === 0) return { contaminated: false, share: 0, run: 0 };
    const [hashes, second] = [gramHashes(points, this.#ngram), gramHashes(points, this.#ngram, SECOND)];
    let [hits, begin, longest, at, source] = [0, 0, 0, 0, -1];
    let from = -1;
    for (const [i, hash] of hashes.entries()) {
      const found = this.#grams.text(hash, second[i]!);
      if (found < 0) {
        from = -1;
        continue;
      }
      hits++;
      if (from < 0) [from, begin] = [found, i];
      if (i - begin + 1 > longest) [longest, at, source] = [i - begin + 1, begin, from];
    }
    const share = hits / hashes.length;
    if (hits === 0) return { contaminated: false, share, run: 0 };
    const run = longest - 1 + Math.min(this.#ngram, points.length);
    return {
      contaminated: share >= this.#share || run >= this.#run,
      share,
      run,
      place: { at, ...this.#place(source) },
    };
  }

  #place(text: number): { set: string; row: number } {
    const { name, first } = this.#sets.findLast((set) => set.first <= text)!;
    return { set: name, row: text - first };
  }
}
