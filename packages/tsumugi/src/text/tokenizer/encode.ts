// The Unigram encoder of PLaMo 2: the segmentation of least cost, by dynamic programming from the right end to the left.
//
//   best[n] = 0
//   best[i] = min over pieces t that start at i of   cost(t) + best[i + |t|]
//             and, for one character taken as unknown, 10,000,000 + best[i + 1]
//
//   i     position in the text, in UTF-16 code units         n   length of the text
//   t     a piece, matched unit by unit down a trie          |t| its length
//   cost  −round(score · 10,000), half to even               ties go to the longest piece, and to unknown last
//
// The ids are then read off from i = 0 along the choices; an unknown character gives the byte tokens of its UTF-8.
// Source: the published tokenization code of pfnet/plamo-2-1b, which states the same minimum through a table of suffixes.
//
// Costs are sums of integers far below 2^53, so doubles hold them exactly. `best` is a ring of the few positions a piece
// can reach; what grows with the text is one copy of it and one 32-bit choice per unit (6 bytes per unit in all).
import type { Steps } from '../../base/index.ts';
import { NO_NODE, NO_VALUE, Trie } from './trie.ts';
import { costOf, type Vocabulary } from './vocabulary.ts';

export const UNKNOWN_COST = 10_000_000;

/** Work space up to this length is kept from call to call; a longer text brings its own. */
const KEPT_UNITS = 1 << 20;
/** Units that are looked at between two steps. */
const STEP_UNITS = 1 << 14;

/** What a text is encoded in. */
interface Work {
  readonly units: Uint16Array;
  readonly length: number;
  readonly choices: Int32Array;
  readonly best: Float64Array;
  readonly safe: boolean;
}

export class UnigramEncoder {
  /** Keys are all pieces but the byte tokens. The value of ordinary text is its id, of a special piece ~id. */
  readonly #trie: Trie;
  readonly #lengths: Int32Array;
  readonly #byteIds: Int32Array;
  readonly #best: Float64Array;
  #units = new Uint16Array(0);
  #choices = new Int32Array(0);

  constructor(vocabulary: Vocabulary) {
    const { pieces } = vocabulary;
    const ids: number[] = [];
    for (let id = 0; id < pieces.length; id++) if (pieces[id]!.type !== 'BYTE') ids.push(id);
    this.#trie = new Trie(
      ids.map((id) => pieces[id]!.text),
      (k) => (vocabulary.isSpecial(ids[k]!) ? ~ids[k]! : ids[k]!),
      (k) => costOf(pieces[ids[k]!]!.score),
    );
    this.#lengths = Int32Array.from(pieces, (piece) => piece.text.length);
    this.#byteIds = vocabulary.byteIds;
    const longest = this.#lengths.reduce((a, b) => Math.max(a, b), 2);
    this.#best = new Float64Array(2 ** Math.ceil(Math.log2(longest + 1)));
  }

  /** @param safe special pieces spelled in the text do not match: their characters are ordinary text */
  encode(text: string, safe: boolean, ids: number[]): number[] {
    // Half of a surrogate pair has no UTF-8: like every UTF-8 encoder we read it as U+FFFD.
    const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
    const length = wellFormed.length;
    const [units, choices] = this.#workSpace(length);
    for (let i = 0; i < length; i++) units[i] = wellFormed.charCodeAt(i);
    this.#choose({ units, length, choices, best: this.#best, safe }, 0, length);
    this.#emit(units, 0, length, choices, ids);
    return ids;
  }

  /** The same in steps, each of a bounded time. A text that takes more than one has a work space of its own. */
  *encodeSteps(text: string, safe: boolean, ids: number[]): Steps<number[]> {
    const { length } = text;
    if (length <= STEP_UNITS) return this.encode(text, safe, ids);
    yield;
    const wellFormed = text.toWellFormed();
    const units = new Uint16Array(length);
    const choices = new Int32Array(length);
    for (let from = 0; from < length; from += STEP_UNITS) {
      const to = Math.min(from + STEP_UNITS, length);
      for (let i = from; i < to; i++) units[i] = wellFormed.charCodeAt(i);
      yield;
    }
    const work = { units, length, choices, best: new Float64Array(this.#best.length), safe };
    for (let to = length; to > 0; to -= STEP_UNITS) {
      this.#choose(work, Math.max(0, to - STEP_UNITS), to);
      yield;
    }
    for (let from = 0; from < length; ) {
      from = this.#emit(units, from, Math.min(from + STEP_UNITS, length), choices, ids);
      yield;
    }
    return ids;
  }

  /** Fills `choices[i]`, from `to` back to `from`, with the trie value of the best piece at i, or NO_VALUE for unknown. */
  #choose({ units, length, choices, best, safe }: Work, from: number, to: number): void {
    const trie = this.#trie;
    const leastValue = safe ? 0 : NO_VALUE + 1;
    const ring = best.length - 1;
    if (to === length) best[length & ring] = 0;
    for (let i = to - 1; i >= from; i--) {
      const unit = units[i]!;
      // No piece and no character starts at the second half of a surrogate pair, so nothing ever asks for this position.
      if (isLowSurrogate(unit)) continue;
      let least = UNKNOWN_COST + best[(i + (isHighSurrogate(unit) ? 2 : 1)) & ring]!;
      let choice = NO_VALUE;
      let node = trie.root(unit);
      for (let end = i + 1; node !== NO_NODE; end++) {
        const value = trie.value(node);
        if (value >= leastValue) {
          const cost = trie.cost(node) + best[end & ring]!;
          if (cost <= least) {
            least = cost;
            choice = value;
          }
        }
        if (end === length) break;
        node = trie.child(node, units[end]!);
      }
      best[i & ring] = least;
      choices[i] = choice;
    }
  }

  /** The ids of the pieces that start before `to`. Where the next one starts. */
  #emit(units: Uint16Array, from: number, to: number, choices: Int32Array, ids: number[]): number {
    const lengths = this.#lengths;
    let i = from;
    while (i < to) {
      const choice = choices[i]!;
      if (choice === NO_VALUE) {
        const wide = isHighSurrogate(units[i]!);
        this.#emitBytes(wide ? joinSurrogates(units[i]!, units[i + 1]!) : units[i]!, ids);
        i += wide ? 2 : 1;
      } else {
        const id = choice < 0 ? ~choice : choice;
        ids.push(id);
        i += lengths[id]!;
      }
    }
    return i;
  }

  #emitBytes(codePoint: number, ids: number[]): void {
    const byteIds = this.#byteIds;
    if (codePoint < 0x80) {
      ids.push(byteIds[codePoint]!);
      return;
    }
    // UTF-8: a lead byte that tells the number of six-bit groups that follow, each marked 10xxxxxx.
    const groups = codePoint < 0x800 ? 1 : codePoint < 0x10000 ? 2 : 3;
    const lead = [0, 0xc0, 0xe0, 0xf0][groups]!;
    ids.push(byteIds[lead | (codePoint >> (6 * groups))]!);
    for (let k = groups - 1; k >= 0; k--) ids.push(byteIds[0x80 | ((codePoint >> (6 * k)) & 0x3f)]!);
  }

  #workSpace(length: number): [units: Uint16Array, choices: Int32Array] {
    if (length > KEPT_UNITS) return [new Uint16Array(length), new Int32Array(length)];
    if (length > this.#units.length) {
      const room = 2 ** Math.ceil(Math.log2(length));
      this.#units = new Uint16Array(room);
      this.#choices = new Int32Array(room);
    }
    return [this.#units, this.#choices];
  }
}

function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}

function joinSurrogates(high: number, low: number): number {
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}
