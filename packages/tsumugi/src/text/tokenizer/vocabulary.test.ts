// Vocabularies, and what makes one malformed.
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../base/index.ts';
import { byteText, costOf, type Piece, parsePieces, Vocabulary } from './vocabulary.ts';

const byteLines = Array.from({ length: 256 }, (_, byte) => `["${byteText(byte)}", 0.0, "BYTE", null, null]`);
const good = ['["<|plamo:unk|>", 0.0, "UNKNOWN"]', ...byteLines, '["の", -3.5, "NORMAL", 1, {"more": []}]'];

const read = (lines: string[], end = '\n') => new Vocabulary(parsePieces(lines.join('\n') + end, 'a.jsonl'), 'a.jsonl');
const with3 = (line: string) => good.with(2, line);

describe('a vocabulary file', () => {
  it('is read with or without a last line break, and with further elements', () => {
    for (const end of ['\n', '']) {
      const vocabulary = read(good, end);
      expect(vocabulary.size).toBe(258);
      expect(vocabulary.pieces.at(-1)).toEqual({ text: 'の', score: -3.5, type: 'NORMAL' });
      expect(vocabulary.byteIds[0xff]).toBe(256);
      expect(vocabulary.bytes[256]).toBe(0xff);
    }
  });

  it.each([
    ['no JSON', with3('["<0x01>", 0.0, "BYTE"'), /a\.jsonl, line 3: is not JSON/],
    ['a blank line', with3(''), /line 3: is not JSON/],
    ['NaN, as Python writes it', with3('["<0x01>", NaN, "BYTE"]'), /line 3: is not JSON/],
    ['an object', with3('{"piece": "a"}'), /line 3: is not a JSON array/],
    ['a piece that is no string', with3('[1, 0.0, "BYTE"]'), /line 3: the piece is 1, not a string/],
    ['a score that is no number', with3('["x", "0", "NORMAL"]'), /line 3: the score is "0", not a number/],
    ['a missing score', with3('["x"]'), /line 3: the score is undefined/],
    ['an infinite score', with3('["x", 1e999, "NORMAL"]'), /line 3: "x" has the score Infinity/],
    [
      'a score beyond 32 bits',
      with3('["x", -214749, "NORMAL"]'),
      /line 3: "x" has the score -214749; it must lie within/,
    ],
    ['an unknown type', with3('["x", 0.0, "USER"]'), /line 3: the type is "USER", not one of NORMAL, CONTROL/],
    ['an empty piece', with3('["", 0.0, "NORMAL"]'), /line 3: the piece is an empty string/],
    ['half a surrogate pair', with3('["\\ud800", 0.0, "NORMAL"]'), /line 3: .* half of a surrogate pair/],
    ['a duplicate', with3('["<0x00>", 0.0, "BYTE"]'), /line 3: "<0x00>" already is piece 1/],
    ['a negative byte', with3('["<0x-1>", 0.0, "BYTE"]'), /line 3: "<0x-1>" is of type BYTE, but not of the form/],
    ['a lower-case byte', with3('["<0x0a>", 0.0, "BYTE"]'), /line 3: "<0x0a>" is of type BYTE/],
    ['a byte too many', with3('["<0x100>", 0.0, "BYTE"]'), /line 3: "<0x100>" is of type BYTE/],
    ['a byte and more', with3('["<0x01>\\n", 0.0, "BYTE"]'), /line 3: "<0x01>\\n" is of type BYTE/],
    ['a missing byte', good.toSpliced(2, 1), /a\.jsonl: the byte token <0x01> is missing/],
    ['a byte of another type', with3('["<0x01>", 0.0, "NORMAL"]'), /the byte token <0x01> is missing/],
    ['no UNKNOWN', good.slice(1), /a\.jsonl: no piece is of type UNKNOWN/],
  ])('is refused with %s', (_, lines, message) => {
    expect(() => read(lines)).toThrow(FormatError);
    expect(() => read(lines)).toThrow(message);
  });

  it('is refused when it is empty', () => {
    expect(() => read([], '')).toThrow(/the byte token <0x00> is missing/);
  });

  it('gives the line as a field', () => {
    try {
      read(with3('[]'));
      expect.unreachable();
    } catch (error) {
      expect((error as FormatError).fields).toMatchObject({ source: 'a.jsonl', line: 3 });
    }
  });
});

describe('a list of pieces', () => {
  it('is refused by the index of the piece', () => {
    const pieces: Piece[] = [{ text: 'a', score: Number.NaN, type: 'NORMAL' }];
    expect(() => new Vocabulary(pieces)).toThrow(/piece 0: "a" has the score NaN/);
  });
});

describe('costOf', () => {
  it('rounds halves to even', () => {
    const costs = [0, 0.00005, 0.00025, 0.00035, -0.00025, -0.00035, -3.32395, 0.00026].map(costOf);
    expect(costs).toEqual([0, 0, -2, -4, 2, 4, 33240, -3]);
  });
});
