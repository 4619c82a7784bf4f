// The Unigram language model and its EM algorithm (Kudo 2018, "Subword Regularization", section 3.2; the update with the
// digamma function and the estimate of a piece's loss follow SentencePiece, Kudo & Richardson 2018).
//
//   A run of text x₀ … x_{n−1} is a sequence of tokens, each drawn with probability p(t): a piece, or a byte token. A
//   character that is no piece is the product of its byte tokens. Over all segmentations into edges e (a piece, or such a
//   character):
//   α[j] = Σ α[i] · p(x_i … x_{j−1})      α[0] = 1      the probability of the text before j
//   β[i] = Σ p(x_i … x_{j−1}) · β[j]      β[n] = 1      the probability of the text from i on
//   Z = α[n]                                            the probability of the run
//   E-step: c(e) = Σ α[i] · p(e) · β[j] / Z             how often e is expected to occur
//   M-step: p(t) = exp(ψ(c(t)) − ψ(Σ c))                ψ is the digamma function; it disfavours rare tokens
//
// α and β are kept as plain numbers, not logarithms: where they get small over all the positions an edge can reach, these
// are multiplied by 2^100, and the number of times is remembered.
import type { Runs } from './training-text.ts';
import { NO_NODE, NO_VALUE, Trie } from './trie.ts';

const SCALE = 2 ** 100;
const SMALL = 2 ** -100;

/** The count that a token is taken to have at least, which keeps every probability above zero. */
const LEAST_COUNT = 0.5;

export class UnigramModel {
  /** The pieces. */
  readonly texts: readonly string[];
  /** The characters of the text that are no pieces. */
  readonly unknowns: readonly string[];
  /** Maps a text to its edge: the pieces come first, then the unknown characters. */
  readonly #trie: Trie;
  readonly #longest: number;
  readonly #probabilities: Float64Array;
  readonly #byteCounts = new Float64Array(256);

  /** @param counts estimates of how often each piece, then each unknown character, occurs */
  constructor(texts: readonly string[], unknowns: readonly string[], counts: Float64Array) {
    const edges = [...texts, ...unknowns];
    this.texts = texts;
    this.unknowns = unknowns;
    this.#trie = new Trie(
      edges,
      (k) => k,
      () => 0,
    );
    this.#longest = edges.reduce((longest, text) => Math.max(longest, text.length), 1);
    this.#probabilities = new Float64Array(edges.length);
    this.maximize(counts);
  }

  /** The score of piece k: ln p. */
  score(k: number): number {
    return Math.log(this.#probabilities[k]!);
  }

  /** The E-step: the expected count of every edge, and ln Z summed over the runs. */
  expect(runs: Runs) {
    const counts = new Float64Array(this.#probabilities.length);
    const room = runs.starts.reduce((most, start, r) => Math.max(most, runs.ends[r]! - start), 0) + 1;
    const lattice = {
      alpha: new Float64Array(room),
      beta: new Float64Array(room),
      scalings: new Int32Array(room),
      firstEdges: new Int32Array(room),
      edges: new Int32Array(room * this.#longest),
    };
    let logLikelihood = 0;
    for (let r = 0; r < runs.starts.length; r++) {
      logLikelihood += runs.weights[r]! * this.#expectRun(runs, r, lattice, counts);
    }
    return { counts, logLikelihood };
  }

  /** EM steps; returns the expected counts of the last one. */
  improve(runs: Runs, steps: number): Float64Array {
    let counts = new Float64Array(0);
    for (let step = 0; step < steps; step++) {
      counts = this.expect(runs).counts;
      this.maximize(counts);
    }
    return counts;
  }

  /** The M-step, from counts as `expect` returns them. */
  maximize(counts: Float64Array): void {
    const p = this.#probabilities;
    const byteCounts = this.#byteCounts.fill(0);
    this.unknowns.forEach((character, u) => {
      for (const byte of Buffer.from(character)) byteCounts[byte]! += counts[this.texts.length + u]!;
    });
    let total = 0;
    for (let k = 0; k < this.texts.length; k++) total += Math.max(counts[k]!, LEAST_COUNT);
    for (const count of byteCounts) total += Math.max(count, LEAST_COUNT);
    const probability = (count: number) => Math.exp(digamma(Math.max(count, LEAST_COUNT)) - digamma(total));
    for (let k = 0; k < this.texts.length; k++) p[k] = probability(counts[k]!);
    const byteProbabilities = byteCounts.map(probability);
    this.unknowns.forEach((character, u) => {
      p[this.texts.length + u] = Buffer.from(character).reduce(
        (product, byte) => product * byteProbabilities[byte]!,
        1,
      );
    });
  }

  /**
   * How much likelihood is lost without each piece: its count times the difference between its log-probability and that of
   * the most probable tokens that spell it otherwise.
   */
  losses(counts: Float64Array): Float64Array {
    const logs = this.#probabilities.map(Math.log);
    const total = sum(counts.subarray(0, this.texts.length)) + sum(this.#byteCounts);
    return Float64Array.from(this.texts, (text, k) => {
      const count = Math.max(counts[k]!, LEAST_COUNT);
      const others = this.#countsWithout(k, text, logs, counts);
      // The tokens that take over gain this count, and the total grows by what they are more than one.
      const newTotal = Math.log(total + count * (others.length - 1));
      let without = 0;
      for (const other of others) without += Math.log(other + count) - newTotal;
      return count * (Math.log(count / total) - without);
    });
  }

  /** Adds the expected counts of one run to `counts` and returns ln Z. */
  #expectRun(runs: Runs, r: number, lattice: Lattice, counts: Float64Array): number {
    const { alpha, beta, scalings, firstEdges, edges } = lattice;
    const trie = this.#trie;
    const p = this.#probabilities;
    const longest = this.#longest;
    const units = runs.units;
    const start = runs.starts[r]!;
    const n = runs.ends[r]! - start;

    alpha.fill(0, 0, n + 1);
    alpha[0] = 1;
    let scaling = 0;
    let edgeCount = 0;
    for (let i = 0; i < n; i++) {
      firstEdges[i] = edgeCount;
      // Nothing ends inside a surrogate pair, so α is 0 there and no edge leaves.
      if (alpha[i] === 0) continue;
      if (alpha[i]! < SMALL) scaling += enlarge(alpha, i, Math.min(i + longest, n));
      scalings[i] = scaling;
      const a = alpha[i]!;
      let node = trie.root(units[start + i]!);
      for (let j = i + 1; node !== NO_NODE; j++) {
        const edge = trie.value(node);
        edges[edgeCount++] = edge;
        if (edge !== NO_VALUE) alpha[j]! += a * p[edge]!;
        if (j === n) break;
        node = trie.child(node, units[start + j]!);
      }
    }
    firstEdges[n] = edgeCount;
    const z = alpha[n]!;
    const zScaling = scaling;

    const weight = runs.weights[r]!;
    beta[n] = 1;
    scaling = 0;
    for (let i = n - 1; i >= 0; i--) {
      const reachable = firstEdges[i + 1]! - firstEdges[i]!;
      beta[i] = 0;
      if (reachable === 0) continue;
      const undo = zScaling - scalings[i]! - scaling;
      const share = ((weight * alpha[i]!) / z) * (undo === 0 ? 1 : SCALE ** undo);
      let b = 0;
      for (let k = 0; k < reachable; k++) {
        const edge = edges[firstEdges[i]! + k]!;
        if (edge === NO_VALUE) continue;
        const term = p[edge]! * beta[i + 1 + k]!;
        b += term;
        counts[edge]! += share * term;
      }
      beta[i] = b;
      if (b < SMALL) scaling += enlarge(beta, i, Math.min(i + longest, n));
    }
    return Math.log(z) - zScaling * Math.log(SCALE);
  }

  /** The counts of the most probable tokens that spell piece k otherwise. */
  #countsWithout(k: number, text: string, logs: Float64Array, counts: Float64Array): number[] {
    const byteCounts = (character: string) => Array.from(Buffer.from(character), (byte) => this.#byteCounts[byte]!);
    if (isOneCharacter(text)) return byteCounts(text);
    return this.#spellWithout(k, text, logs).flatMap((edge) =>
      edge < this.texts.length ? counts[edge]! : byteCounts(this.unknowns[edge - this.texts.length]!),
    );
  }

  /** The most probable edges other than `excluded` that spell `text`, which every text of two characters or more has. */
  #spellWithout(excluded: number, text: string, logs: Float64Array): number[] {
    const n = text.length;
    const best = new Float64Array(n + 1).fill(Number.NEGATIVE_INFINITY);
    const from = new Int32Array(n + 1);
    const last = new Int32Array(n + 1);
    best[0] = 0;
    for (let i = 0; i < n; i++) {
      if (best[i] === Number.NEGATIVE_INFINITY) continue;
      let node = this.#trie.root(text.charCodeAt(i));
      for (let j = i + 1; node !== NO_NODE; j++) {
        const edge = this.#trie.value(node);
        if (edge !== NO_VALUE && edge !== excluded && best[i]! + logs[edge]! > best[j]!) {
          best[j] = best[i]! + logs[edge]!;
          from[j] = i;
          last[j] = edge;
        }
        if (j === n) break;
        node = this.#trie.child(node, text.charCodeAt(j));
      }
    }
    const edges: number[] = [];
    for (let j = n; j > 0; j = from[j]!) edges.push(last[j]!);
    return edges;
  }
}

/** Work space for one run: α, β and the scalings at each position, and the edges that leave it. */
interface Lattice {
  alpha: Float64Array;
  beta: Float64Array;
  /** How often α[i] was multiplied by SCALE. */
  scalings: Int32Array;
  /** Where the edges of position i begin in `edges`. */
  firstEdges: Int32Array;
  /** The edge of length 1, 2, … from a position, or NO_VALUE. */
  edges: Int32Array;
}

/** Multiplies values[from … to] by SCALE until their largest is at least SMALL; returns how often. */
function enlarge(values: Float64Array, from: number, to: number): number {
  let largest = 0;
  for (let j = from; j <= to; j++) largest = Math.max(largest, values[j]!);
  let times = 0;
  for (; largest > 0 && largest < SMALL; times++) {
    largest *= SCALE;
    for (let j = from; j <= to; j++) values[j]! *= SCALE;
  }
  return times;
}

export function isOneCharacter(text: string): boolean {
  return text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff);
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}

/** ψ(x) for x > 0: the recurrence ψ(x) = ψ(x + 1) − 1/x up to 7, then the asymptotic series at x − ½. */
export function digamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 7; y++) shift -= 1 / y;
  y -= 0.5;
  const r = 1 / (y * y);
  return shift + Math.log(y) + r * (1 / 24 - r * (7 / 960 - r * (31 / 8064 - (r * 127) / 30720)));
}
