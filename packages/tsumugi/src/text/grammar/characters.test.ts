// Sets of characters in the bytes of their UTF-8, held against every character.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { type CharacterSet, complement, inJson, single, spell, spellInJson, union, without } from './characters.ts';

const bytesOf = (text: string) => Buffer.from(text).toString('latin1');
/** The alternatives as an expression over bytes. */
const matcher = (alternatives: readonly string[]) =>
  new RegExp(
    `^(?:${alternatives
      .join('|')
      .replaceAll(/[ "]/g, '')
      .replaceAll(/\[\^([^\]]*)\]/g, '(?:[^$1\\x80-\\xff]|[\\xc2-\\xf4][\\x80-\\xbf]{1,3})')})$`,
  );
const has = (set: CharacterSet, code: number) => set.some(([first, last]) => code >= first && code <= last);
const isHalf = (code: number) => code >= 0xd800 && code <= 0xdfff;
const borders = [
  0, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x3ffff, 0x40000,
  0x10ffff,
];
const random = new RandomStream(3);
const anyCode = () => (random.below(2) ? borders[random.below(borders.length)]! : random.below(0x110000));

describe('a set of characters', () => {
  it('is spelled in the UTF-8 of its characters and nothing else', () => {
    for (let round = 0; round < 60; round++) {
      const set = Array.from({ length: 1 + random.below(3) }, () => {
        const [a, b] = [anyCode(), anyCode()].sort((x, y) => x - y) as [number, number];
        return [a, random.below(3) ? b : Math.min(b, a + random.below(90))] as const;
      });
      const pattern = matcher(spell(set));
      const codes = [
        ...borders,
        ...set.flat().flatMap((code) => [code - 1, code, code + 1]),
        ...Array.from({ length: 200 }, anyCode),
      ];
      for (const code of codes)
        if (code >= 0 && code <= 0x10ffff && !isHalf(code))
          expect(pattern.test(bytesOf(String.fromCodePoint(code))), `${code} of ${JSON.stringify(set)}`).toBe(
            has(set, code),
          );
    }
  });

  it('is spelled shortly where it is all but some of ASCII', () => {
    expect(spell(complement(single('"')))).toEqual(['[^\\u0022]']);
    expect(spell([[0, 0x10ffff]])).toEqual(['[\\u0000-\\u007f]', '[^\\u0000-\\u007f]']);
    expect(spell(complement(single('猫'))).length).toBeGreaterThan(5);
  });

  it('is joined, turned round and cut', () => {
    expect(union([[[5, 6]], [[1, 2]], [[3, 4]], [[9, 9]]])).toEqual([
      [1, 6],
      [9, 9],
    ]);
    expect(complement([[0x10, 0x10ffff]])).toEqual([[0, 0xf]]);
    expect(complement([])).toEqual([
      [0, 0xd7ff],
      [0xe000, 0x10ffff],
    ]);
    expect(without([[1, 9]], single('\x05'))).toEqual([
      [1, 4],
      [6, 9],
    ]);
    expect(spell([])).toEqual([]);
    expect(spell([[0xd800, 0xdfff]])).toEqual([]);
  });
});

it('is spelled as JSON has it, in one way', () => {
  const pattern = matcher(spellInJson(inJson).map((each) => each.replace('\\u005c [', '\\\\[')));
  for (const text of ['a', '猫', '😀', '\u007f', '\n', '"', '\\', '\t', '/']) {
    const written = JSON.stringify(text).slice(1, -1);
    expect(pattern.test(bytesOf(written)), written).toBe(true);
  }
  for (const written of ['"', '\\', '\n', '\\u0061', '\\/', '\\x', 'ab'])
    expect(pattern.test(written), written).toBe(false);
  expect(spellInJson([[0, 7]])).toEqual([]);
});
