// The text a tokenizer is trained on: cut into segments, equal segments counted once with their number, and thinned out
// evenly when there is more than fits. The published tokenizer has no pre-tokeniser and its training is not described, so
// where to cut is our choice: a segment is a line with the line breaks and the indentation that follow it. Pieces such as
// "。\n　" or "}\n\n    " can therefore form, but none reaches into the words of the next line.

/** A line, then every white space up to the first character of the next one. */
const SEGMENT = /[^\n]*\n\s*|[^\n]+/g;

/** Longer lines are cut: it bounds the work space of training and hides at most one piece per cut. */
const LONGEST_SEGMENT = 4096;

/** Ends every segment in `TrainingText.units`, and stands for characters outside the alphabet. Never part of a piece. */
export const BARRIER = 0xffff;

/** Runs of text without a barrier, side by side in one array. Run r covers units[starts[r] … ends[r]), `weights[r]` times. */
export interface Runs {
  units: Uint16Array;
  starts: Int32Array;
  ends: Int32Array;
  weights: Int32Array;
}

export class TrainingText {
  readonly #maxUnits: number;
  #segments = new Map<string, number>();
  #units = 0;
  /** A segment is kept when this many low bits of its hash are zero: one in 2^thinning. */
  #thinning = 0;

  /** @param maxUnits how much distinct text to keep, in UTF-16 code units; beyond it every other segment is dropped */
  constructor(maxUnits: number) {
    this.#maxUnits = maxUnits;
  }

  /** The share of the distinct segments that is kept: 1, ½, ¼, … Which ones does not depend on their order. */
  get keptShare(): number {
    return 2 ** -this.#thinning;
  }

  add(text: string): void {
    for (const [line] of text.toWellFormed().matchAll(SEGMENT)) {
      for (let start = 0; start < line.length; ) {
        let end = Math.min(start + LONGEST_SEGMENT, line.length);
        if (end < line.length && (line.charCodeAt(end) & 0xfc00) === 0xdc00) end--;
        this.#addSegment(line.slice(start, end));
        start = end;
      }
    }
  }

  #addSegment(segment: string): void {
    if (!this.#keeps(segment)) return;
    const count = this.#segments.get(segment);
    if (count !== undefined) {
      this.#segments.set(segment, count + 1);
      return;
    }
    // A slice of a string keeps the whole string in memory; going through a buffer makes a string of its own.
    this.#segments.set(Buffer.from(segment, 'utf16le').toString('utf16le'), 1);
    this.#units += segment.length;
    while (this.#units > this.#maxUnits) {
      this.#thinning++;
      for (const other of this.#segments.keys()) {
        if (this.#keeps(other)) continue;
        this.#segments.delete(other);
        this.#units -= other.length;
      }
    }
  }

  #keeps(segment: string): boolean {
    return this.#thinning === 0 || (hash(segment) & (2 ** this.#thinning - 1)) === 0;
  }

  /** How often each code point occurs, most frequent first, then by code point. */
  characters(): [codePoint: number, count: number][] {
    const counts = new Map<number, number>();
    for (const [segment, weight] of this.#segments) {
      for (let i = 0; i < segment.length; i++) {
        const codePoint = segment.codePointAt(i)!;
        if (codePoint > 0xffff) i++;
        counts.set(codePoint, (counts.get(codePoint) ?? 0) + weight);
      }
    }
    counts.delete(BARRIER);
    return [...counts].sort(([a, countA], [b, countB]) => countB - countA || a - b);
  }

  /** The text as runs of characters of `alphabet`. */
  runs(alphabet: ReadonlySet<number>): Runs {
    const units = new Uint16Array(this.#units + this.#segments.size).fill(BARRIER);
    const [starts, ends, weights]: [number[], number[], number[]] = [[], [], []];
    let at = 0;
    for (const [segment, weight] of this.#segments) {
      let start = at;
      const endRun = () => {
        if (at > start) {
          starts.push(start);
          ends.push(at);
          weights.push(weight);
        }
        start = at + 1;
      };
      for (let i = 0; i < segment.length; i++) {
        const codePoint = segment.codePointAt(i)!;
        if (!alphabet.has(codePoint)) {
          endRun();
          at++;
          // The run after a dropped pair starts behind its one barrier.
          if (codePoint > 0xffff) i++;
          continue;
        }
        units[at++] = segment.charCodeAt(i);
        if (codePoint > 0xffff) units[at++] = segment.charCodeAt(++i);
      }
      endRun();
      at++;
    }
    return { units, starts: Int32Array.from(starts), ends: Int32Array.from(ends), weights: Int32Array.from(weights) };
  }
}

/** FNV-1a over code units, with a final mix so that the low bits depend on all of them. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}
