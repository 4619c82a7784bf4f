// Each filter: what it keeps, what it drops and why, its limits by hand.
import { describe, expect, it } from 'vitest';
import { codePoints } from '../normalized.ts';
import { characterFilter } from './characters.ts';
import { endingFilter } from './ending.ts';
import type { Filter } from './filter.ts';
import { japaneseFilter, japaneseShares } from './japanese.ts';
import { lengthFilter } from './length.ts';
import { FilterPipeline } from './pipeline.ts';
import { repeatedGrams, repeatedLines, repetitionFilter } from './repetition.ts';

const cat = '吾輩は猫である。名前はまだ無い。どこで生れたか頓と見当がつかぬ。';
const reason = (filter: Filter, text: string) => {
  const verdict = filter.judge(text);
  return verdict.keep ? 'kept' : verdict.reason;
};

it('length counts characters, without white space at the ends', () => {
  const filter = lengthFilter({ min: 2, max: 3 });
  expect(['𠮷', ' 猫 ', '猫犬', '𠮷野家\n', '猫犬鳥魚'].map((text) => reason(filter, text))).toEqual([
    '1 characters, fewer than 2',
    '1 characters, fewer than 2',
    'kept',
    'kept',
    '4 characters, more than 3',
  ]);
  expect([reason(lengthFilter(), ''), reason(lengthFilter(), cat)]).toEqual(['0 characters, fewer than 20', 'kept']);
});

it('japanese takes shares of letters by script', () => {
  expect(japaneseShares('猫が cat 123 ー')).toEqual({ japanese: 0.5, kana: 2 / 3 });
  expect(japaneseShares('123 。')).toEqual({ japanese: 0, kana: 0 });
  const filter = japaneseFilter();
  expect(reason(filter, cat)).toBe('kept');
  expect(reason(filter, 'コーヒーを飲む。ｺｰﾋｰ')).toBe('kept');
  expect(reason(filter, 'The cat 猫')).toBe('14.3 % of the letters are Japanese, less than 50 %');
  expect(reason(filter, '我是一只猫。')).toBe('0 % of the Japanese letters are kana, less than 10 %');
  expect(reason(filter, '안녕하세요')).toContain('0 % of the letters');
  expect(reason(japaneseFilter({ kana: 0 }), '我是一只猫。')).toBe('kept');
  expect(reason(japaneseFilter({ min: 0.1 }), 'The cat ねこ')).toBe('kept');
});

it('characters takes shares of digits and symbols among what is no white space', () => {
  const filter = characterFilter();
  expect(reason(filter, cat)).toBe('kept');
  expect(reason(filter, '１23 あい\n')).toBe('60 % digits, more than 30 %');
  expect(reason(filter, 'あいう=|')).toBe('40 % symbols, more than 10 %');
  expect(reason(filter, 'こわれた\ufffd字')).toBe('16.7 % symbols, more than 10 %');
  expect(reason(filter, '「はい」、（いいえ）。')).toBe('kept');
  expect(reason(filter, ' ')).toBe('kept');
  expect(reason(characterFilter({ digits: 0.6, symbols: 0.4 }), '123あ=')).toBe('kept');
});

it('ending wants the last sentence whole', () => {
  const filter = endingFilter();
  for (const text of [cat, '本当？\n', '「はい」', '（終わり。）', '彼は言った。"', '待て……', 'Yes.'])
    expect(reason(filter, text)).toBe('kept');
  expect(reason(filter, '名前はまだ')).toBe('ends with "だ", in the middle of a sentence');
  expect(reason(filter, '名前は、')).toContain('"、"');
  expect(reason(filter, '店は𠮷')).toContain('"𠮷"');
  expect(reason(filter, ' ')).toBe('empty');
  expect(reason(endingFilter({ ends: 'だ' }), '名前はまだ')).toBe('kept');
});

describe('repetition', () => {
  it('counts lines that stood before', () => {
    expect(repeatedLines('あ\nいい\n\n あ\nい　い\nあ')).toEqual({ lines: 2 / 5, characters: 2 / 8 });
    expect(repeatedLines('')).toEqual({ lines: 0, characters: 0 });
  });

  it('counts characters in n-grams', () => {
    const of = (text: string, n: number) => repeatedGrams(codePoints(text), n);
    expect(of('abcdefgh', 2)).toEqual({ top: 0, repeated: 0 });
    // ab three times: 6 of 9; the second and third stood before: 4 of 9.
    expect(of('abxabyabz', 2)).toEqual({ top: 6 / 9, repeated: 4 / 9 });
    // Overlapping ones cover each character once: all but the first.
    expect(of('aaaaaaaa', 2)).toEqual({ top: 1, repeated: 7 / 8 });
    // Twice is not yet often.
    expect(of('abcabc', 3)).toEqual({ top: 0, repeated: 0.5 });
    expect(of('ab', 2)).toEqual({ top: 0, repeated: 0 });
  });

  it('drops by each of its limits', () => {
    const filter = repetitionFilter();
    expect(reason(filter, cat)).toBe('kept');
    expect(reason(filter, 'あ\nい\nあ\nい\nう')).toBe('40 % of the lines stood before, more than 30 %');
    expect(reason(filter, `${cat}\nあ\nい\n${cat}`)).toMatch(/% in lines that stood before, more than 20 %/);
    expect(reason(filter, '私は猫が好きだ。'.repeat(5))).toBe('50 % in one piece of 4 characters, more than 20 %');
    const twice = '山の上に大きな白い家があって';
    expect(reason(filter, `${twice}、${twice}`)).toBe(
      '48.3 % in pieces of 10 characters that stood before, more than 15 %',
    );
    expect(reason(filter, '「まあ多少それに類似の事さ。今日金田へ行ったら……」')).toBe('kept');
    expect(reason(filter, 'コーヒーが好きです。毎朝コーヒーを飲みます。')).toBe('kept');
    const off = { lines: 1, lineCharacters: 1, top: {}, repeated: {} };
    expect(reason(repetitionFilter(off), 'ああああああああああ')).toBe('kept');
    expect(reason(repetitionFilter({ ...off, repeated: { 2: 0.8 } }), 'ああああああ')).toContain('83.3 %');
    expect(reason(repetitionFilter({ ...off, top: { 2: 0.8 } }), 'ああああああ')).toContain('100 %');
  });
});

it('a pipeline counts what each filter took away, with its name in the reason', () => {
  const all = new FilterPipeline([lengthFilter({ min: 5 }), japaneseFilter(), endingFilter()]);
  expect([...all.keep([cat, '猫', 'A cat sat.', '名前はまだ無', '吾輩は猫だ。'])]).toEqual([cat, '吾輩は猫だ。']);
  expect(all.counts).toEqual([
    { name: 'length', seen: 5, dropped: 1 },
    { name: 'japanese', seen: 4, dropped: 1 },
    { name: 'ending', seen: 3, dropped: 1 },
  ]);
  expect(reason(all, '猫')).toBe('length: 1 characters, fewer than 5');
  expect(() => new FilterPipeline([lengthFilter(), lengthFilter()])).toThrow('two filters are named "length"');
});

it('takes settings that make sense', () => {
  const wrong: [() => Filter, string][] = [
    [() => lengthFilter({ min: -1 }), 'min must be'],
    [() => lengthFilter({ min: 5, max: 4 }), 'min (5) is above max (4)'],
    [() => japaneseFilter({ min: 50 }), 'min must be'],
    [() => japaneseFilter({ kana: -1 }), 'kana must be'],
    [() => characterFilter({ digits: 2 }), 'digits must be'],
    [() => characterFilter({ symbols: Number.NaN }), 'symbols must be'],
    [() => repetitionFilter({ lines: 2 }), 'lines must be'],
    [() => repetitionFilter({ lineCharacters: 2 }), 'lineCharacters must be'],
    [() => repetitionFilter({ top: { 0: 0.2 } }), 'a length in top must be'],
    [() => repetitionFilter({ repeated: { 5: 20 } }), 'repeated[5] must be'],
    [() => endingFilter({ end: '。' } as object), 'no option "end"'],
  ];
  for (const [make, message] of wrong) expect(make).toThrow(message);
});
