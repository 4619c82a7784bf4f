// Shares of digits and of symbols.
import { checkNumber, checkOptions } from '../../base/index.ts';
import { countMatching, drop, type Filter, KEEP, percent } from './filter.ts';

/** Defaults are our choice. */
export interface CharacterOptions {
  /** The greatest share of digits (Unicode's Nd) among what is no white space: 0.3. */
  digits?: number;
  /** The greatest share of symbols and control characters (S and C: `=`, `|`, `★`, emoji), without punctuation: 0.1. */
  symbols?: number;
}

const inked = /[^\p{White_Space}]/gu;
const digit = /\p{Nd}/gu;
const symbol = /(?!\p{White_Space})[\p{S}\p{C}]/gu;

/** Drops tables, lists of numbers, drawings out of characters, what is broken. */
export function characterFilter(options: CharacterOptions = {}): Filter {
  checkOptions('characterFilter', options, { digits: true, symbols: true });
  const { digits = 0.3, symbols = 0.1 } = options;
  checkNumber('characterFilter', 'digits', digits, { min: 0, max: 1 });
  checkNumber('characterFilter', 'symbols', symbols, { min: 0, max: 1 });
  return {
    name: 'characters',
    judge(text) {
      const all = Math.max(1, countMatching(text, inked));
      const [numbers, signs] = [countMatching(text, digit) / all, countMatching(text, symbol) / all];
      if (numbers > digits) return drop(`${percent(numbers)} digits, more than ${percent(digits)}`);
      return signs > symbols ? drop(`${percent(signs)} symbols, more than ${percent(symbols)}`) : KEEP;
    },
  };
}
