// The share of Japanese letters, by Unicode's scripts (UAX #24).
import { checkNumber, checkOptions } from '../../base/index.ts';
import { countMatching, drop, type Filter, KEEP, percent } from './filter.ts';

const letter = /\p{L}/gu;
/** By Script_Extensions: the mark of long vowels, U+30FC, belongs to both kana. */
const kanaLetter = /(?=\p{L})[\p{scx=Hiragana}\p{scx=Katakana}]/gu;
const kanji = /(?=\p{L})\p{Script=Han}/gu;

/** Defaults are our choice. */
export interface JapaneseOptions {
  /** The least share of kana and kanji among the letters: 0.5. */
  min?: number;
  /** The least share of kana among kana and kanji: 0.1. Chinese has none. */
  kana?: number;
}

/** The share of kana and kanji among the letters of a text, and of kana among these; 0 of none. */
export function japaneseShares(text: string): { japanese: number; kana: number } {
  const [all, syllables] = [countMatching(text, letter), countMatching(text, kanaLetter)];
  const own = syllables + countMatching(text, kanji);
  return { japanese: all === 0 ? 0 : own / all, kana: own === 0 ? 0 : syllables / own };
}

/** Drops texts in other languages. Digits, signs and white space do not count. */
export function japaneseFilter(options: JapaneseOptions = {}): Filter {
  checkOptions('japaneseFilter', options, { min: true, kana: true });
  const { min = 0.5, kana = 0.1 } = options;
  checkNumber('japaneseFilter', 'min', min, { min: 0, max: 1 });
  checkNumber('japaneseFilter', 'kana', kana, { min: 0, max: 1 });
  return {
    name: 'japanese',
    judge(text) {
      const shares = japaneseShares(text);
      if (shares.japanese < min)
        return drop(`${percent(shares.japanese)} of the letters are Japanese, less than ${percent(min)}`);
      if (shares.kana < kana)
        return drop(`${percent(shares.kana)} of the Japanese letters are kana, less than ${percent(kana)}`);
      return KEEP;
    },
  };
}
