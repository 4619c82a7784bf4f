// BLEU and chrF against sacreBLEU 2.6.0: CHRF(), BLEU(effective_order=True), BLEU(effective_order=True, tokenize='char').
import { expect, it } from 'vitest';
import { bleu, bleuOfCharacters, words13a } from './bleu.ts';
import { chrf } from './chrf.ts';

it.each([
  [
    'The cat sat on the mat.',
    'The cat is sitting on the mat.',
    49.6485170311433,
    42.38365628278778,
    52.936944785516914,
  ],
  ['', 'abc', 0, 0, 0],
  ['abc', '', 0, 0, 0],
  ['a', 'a', 100, 100, 100],
  ['hello world', 'hello  world', 100, 100, 100],
  ['彼は昨日東京へ行った。', '彼は昨日、東京に行きました。', 22.442588128196757, 0, 24.85623706648625],
  ['猫', '犬', 0, 0, 0],
  ['ab', 'abcdefgh', 23.404255319148938, 0, 4.9787068367863965],
  ['𠮟られた子', '𠮟られた子供', 75.37154989384288, 0, 81.87307530779823],
  [
    'He said, "It\'s 3.5 km (2,000 yen) - really?"',
    'He said "it is 3.5 km, 2,000 yen, really!"',
    51.08707469411645,
    10.343603005129708,
    58.56596027429396,
  ],
  [
    'Prices rose 5-10% in U.S. markets &amp; Asia.',
    'Prices rose by 5-10% in US markets & Asia.',
    64.55372457168383,
    44.80304273880272,
    67.94536381325848,
  ],
  ['I am', 'I am a student at the university', 9.685800794141374, 8.208499862389884, 0.046817581165277754],
])('%j against %j', (translation, reference, chrF, words, characters) => {
  expect(chrf(translation, reference)).toBeCloseTo(chrF / 100, 12);
  expect(bleu(translation, reference)).toBeCloseTo(words / 100, 12);
  expect(bleuOfCharacters(translation, reference)).toBeCloseTo(characters / 100, 12);
});

it('takes 4 words by hand', () => {
  // p = 4/5, 2/4, 1/3, 1/(2·2); no brevity penalty.
  expect(bleu('a b c x d', 'a b c d')).toBeCloseTo((0.8 * 0.5 * (1 / 3) * 0.25) ** 0.25, 12);
});

it.each([
  ['He said, "It\'s 3.5 km (2,000 yen) - really?"', 'He said , " It\'s 3.5 km ( 2,000 yen ) - really ? "'],
  ['5-10% &lt;b&gt; a.b 1.b a.1 end.', '5 - 10 % < b > a . b 1 . b a . 1 end .'],
  ['U.S.A. $5,000.00; x_y [z] ~', 'U . S . A . $ 5,000.00 ; x _ y [ z ] ~'],
  ['日本語、です。  3.14', '日本語、です。 3.14'],
  ['one-\ntwo\nthree <skipped>four ', 'onetwo three four'],
])('splits %j', (text, words) => {
  expect(words13a(text).join(' ')).toBe(words);
});

it('takes for white space what Python takes for it', () => {
  // str.split() of CPython 3.11: U+001C … U+001F and U+0085 separate; U+FEFF, U+180E and U+200B do not.
  for (const space of ['\x1c', '\x1f', '\x85', '\xa0', '\u2028', '\u3000']) {
    expect(words13a(`a${space}b${space}`)).toEqual(['a', 'b']);
    expect([chrf(`a${space}b`, 'ab'), bleuOfCharacters(`a${space}b`, 'ab')]).toEqual([1, 1]);
  }
  for (const letter of ['\ufeff', '\u180e', '\u200b']) {
    expect(words13a(`a${letter}b`)).toHaveLength(1);
    expect(chrf(`a${letter}b`, 'ab')).toBeLessThan(1);
  }
});
