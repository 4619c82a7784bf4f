// PCG64 (O'Neill 2014: a linear congruential generator of 128 bits, XSL-RR output), as NumPy's default generator has it.
import { isObject, UserError } from '../../base/index.ts';
import { seedWords } from './seed-sequence.ts';

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const WORD = (1n << 64n) - 1n;

/** As NumPy's `bit_generator.state`; the numbers of 128 bits as hexadecimal text, for JSON. */
export interface Pcg64State {
  state: string;
  inc: string;
  /** The half of a drawn word of 64 bits that the next draw of 32 bits takes. */
  half: number | null;
}

/** Words of 64 bits, as BigInt: environments draw a few numbers for an episode, or one for a step. */
export class Pcg64 {
  #state: bigint;
  #inc: bigint;
  #half: number | null = null;

  constructor(seed: number | Pcg64State) {
    if (typeof seed === 'number') {
      const words = seedWords(seed, 8);
      const word = (i: number) => (BigInt(words[2 * i + 1]!) << 32n) | BigInt(words[2 * i]!);
      this.#inc = BigInt.asUintN(128, (((word(2) << 64n) | word(3)) << 1n) | 1n);
      this.#state = BigInt.asUintN(128, this.#inc + ((word(0) << 64n) | word(1)));
      this.#step();
      return;
    }
    const { state, inc, half } = readState(seed);
    [this.#state, this.#inc, this.#half] = [state, inc, half];
  }

  get state(): Pcg64State {
    return { state: this.#state.toString(16), inc: this.#inc.toString(16), half: this.#half };
  }

  #step(): void {
    this.#state = BigInt.asUintN(128, this.#state * MULTIPLIER + this.#inc);
  }

  nextUint64(): bigint {
    this.#step();
    const folded = (this.#state >> 64n) ^ (this.#state & WORD);
    const turn = this.#state >> 122n;
    return BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn)));
  }

  /** The lower half of a word, then its upper half. */
  nextUint32(): number {
    if (this.#half !== null) {
      const half = this.#half;
      this.#half = null;
      return half;
    }
    const word = this.nextUint64();
    this.#half = Number(word >> 32n);
    return Number(word & 0xffffffffn);
  }
}

const HEXADECIMAL = /^[0-9a-f]{1,32}$/;

function readState(value: unknown): { state: bigint; inc: bigint; half: number | null } {
  if (isObject(value)) {
    const { state, inc, half } = value;
    const isHalf = half === null || (Number.isInteger(half) && (half as number) >= 0 && (half as number) < 2 ** 32);
    if (
      typeof state === 'string' &&
      HEXADECIMAL.test(state) &&
      typeof inc === 'string' &&
      HEXADECIMAL.test(inc) &&
      isHalf
    )
      return { state: BigInt(`0x${state}`), inc: BigInt(`0x${inc}`), half: half as number | null };
  }
  throw new UserError(
    'bad-seed',
    `the state of a PCG64 stream is { state, inc, half } with hexadecimal numbers of at most 128 bits, got ${JSON.stringify(value)}`,
  );
}
