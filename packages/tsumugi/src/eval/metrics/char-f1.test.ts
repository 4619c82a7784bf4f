// char_f1 by hand-computed cases, and as Python's fuzzywuzzy gives it.
import { expect, it } from 'vitest';
import { charF1 } from './char-f1.ts';

it.each([
  ['東京 都', '都 東京', 1, 'the order of words does not matter'],
  ['', '', 1, 'both empty'],
  ['a', '', 0, 'one empty'],
  ['東京都', '京都', 0.8, '2·2 / 5'],
  // From here on: what fuzzywuzzy's cleaning with RapidFuzz's indel similarity gives.
  ['5月から7月', '5月から7月にかけて', 0.75, ''],
  ['東アジアの広範囲', '東アジア', 0.67, '8 / 12'],
  ['アメリカ・ニューヨーク', 'ニューヨーク、アメリカ', 1, 'punctuation separates words'],
  ['Café au lait', 'cafe au lait', 0.96, 'é is dropped'],
  ['か\u3099', 'か', 1, 'a combining mark is no word character'],
  ['ＡＢＣ', 'abc', 0, 'full-width letters are other letters'],
  ['1,000円', '1000円', 0.73, 'a comma separates'],
  ['snake_case', 'snake case', 0.5, 'an underscore does not, and words are sorted'],
  ['𠮷野家', '吉野家', 0.67, 'lengths in code points'],
  ['abcdefgh', 'a1234567', 0.12, '12.5 is rounded to even'],
  ['abcdefgh', 'abc45678', 0.38, '37.5 is rounded to even'],
])('of %j and %j is %d (%s)', (answer, target, score) => {
  expect(charF1(answer, target)).toBe(score);
  expect(charF1(target, answer)).toBe(score);
});
