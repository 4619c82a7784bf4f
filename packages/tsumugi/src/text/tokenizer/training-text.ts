// The text a tokenizer is trained on: cut into segments, equal segments counted once with their number, and thinned out
// evenly when there is more than fits. The published tokenizer has no pre-tokeniser and its training is not described, so
// where to cut is our choice: a segment is a line with the line breaks and the indentation that follow it. Pieces such as
// "。\n　" or "}\n\n    " can therefore form, but none reaches into the words of the next line.

/** Stands between runs in `Runs.units`. U+FFFF is no character; where a text has it, a segment ends. */
const BARRIER = 0xffff;

/** A line, then every white space up to the first character of the next one. */
const SEGMENT = /[^\n\uffff]*\n\s*|[^\n\uffff]+/g;

/** Longer lines are cut: it bounds the work space of training and hides at most one piece per cut. */
const LONGEST_SEGMENT = 4096;

/** Text as code units: run r is units[starts[r] … ends[r]), occurs `weights[r]` times, and has a barrier behind it. */
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

  /**
   * @param maxUnits how much distinct text to keep, in UTF-16 code units; beyond it every other segment is dropped. By
   *   default 16 Mi, which is 48 MB of Japanese.
   */
  constructor(maxUnits = 2 ** 24) {
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

  /** How often each character (code point) occurs, most frequent first, then by code point. */
  characters(): [character: string, count: number][] {
    const counts = new Map<string, number>();
    for (const [segment, weight] of this.#segments) {
      for (const character of segment) counts.set(character, (counts.get(character) ?? 0) + weight);
    }
    return [...counts].sort(([a, countA], [b, countB]) => countB - countA || a.codePointAt(0)! - b.codePointAt(0)!);
  }

  runs(): Runs {
    const count = this.#segments.size;
    const units = new Uint16Array(this.#units + count);
    const [starts, ends, weights] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
    let at = 0;
    let run = 0;
    for (const [segment, weight] of this.#segments) {
      starts[run] = at;
      for (let i = 0; i < segment.length; i++) units[at++] = segment.charCodeAt(i);
      ends[run] = at;
      weights[run++] = weight;
      units[at++] = BARRIER;
    }
    return { units, starts, ends, weights };
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
}

/** FNV-1a over code units, with a final mix so that the low bits depend on all of them. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}
