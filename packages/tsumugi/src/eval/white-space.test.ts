// White space against what CPython 3.11 says of every character: [c for c in range(0x110000) if chr(c).isspace()].
import { expect, it } from 'vitest';
import { passesStrict } from './tasks/m-ifeval/check.ts';
import { splitLines, splitWords, strip, stripTail } from './white-space.ts';

const python = [
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003],
  ...[0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
];

it('is Python’s, character by character', () => {
  const every = Array.from({ length: 0x10000 }, (_, code) => code);
  expect(every.filter((code) => strip(String.fromCharCode(code)) === '')).toEqual(python);
  expect(every.filter((code) => splitWords(`a${String.fromCharCode(code)}b`).length === 2)).toEqual(python);
});

it('is taken off the ends alone, and quickly', () => {
  expect([strip('\x85 a b\u3000\n'), stripTail('\x85 a b\u3000\n'), strip(' \n'), strip('')]).toEqual([
    'a b',
    '\x85 a b',
    '',
    '',
  ]);
  expect(splitWords(' a\x1c\x1fb\n')).toEqual(['a', 'b']);
  expect(splitLines('a\r\nb\x1cc\x1fd\x85\u2028\n')).toEqual(['a', 'b', 'c\x1fd', '', '']);
  const long = `a${' '.repeat(1e6)}b`;
  expect(strip(long)).toBe(long);
});

it('decides whether an answer is empty', () => {
  expect(passesStrict('\x85\x1c', () => true)).toBe(false);
  expect(passesStrict('\ufeff', () => true)).toBe(true);
});
