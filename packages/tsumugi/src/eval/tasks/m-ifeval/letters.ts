// letters: which scripts a response is written in.
import { occurrences, type Verifier } from './verifier.ts';

/** Kanji here are U+4E00–U+9FAF: 々 is none, so 人々（ひとびと） leaves 人 without its reading. */
const kanji = '[\\u4e00-\\u9faf]';
const kanjiRuns = new RegExp(`${kanji}+`, 'g');
const readRuns = new RegExp(`(?<!${kanji})${kanji}+（[ぁ-ん]+）`, 'g');

/** Every run of kanji is followed by its reading in full-width parentheses. Passes without any kanji. */
export const furigana: Verifier = () => (response) =>
  occurrences(response, kanjiRuns) === occurrences(response, readRuns);

export const kanjiLimit: Verifier = (fields) => {
  const holds = fields.relation('relation', 'kanji_limit');
  const each = new RegExp(kanji, 'g');
  return (response) => holds(occurrences(response, each));
};

export const noHiragana: Verifier = () => (response) => !/[ぁ-ゖ]/.test(response);

export const noKatakana: Verifier = () => (response) => !/[ァ-ヺｦ-ﾟ]/.test(response);

/** Digits, marks and spaces are free; of letters (Unicode category L) only hiragana and ー. */
export const hiraganaOnly: Verifier = () => (response) => !/(?![ぁ-んー])\p{L}/u.test(response);

export const katakanaOnly: Verifier = () => (response) => !/(?![ァ-ンーｦ-ﾟ])\p{L}/u.test(response);

/** Numbers in kanji: no digit of any script or width. */
export const kansuuji: Verifier = () => (response) => !/\p{Nd}/u.test(response);
