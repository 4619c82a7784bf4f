// Texts of a wanted length.
import { expect, it } from 'vitest';
import { pairs } from './long-context.testing.ts';
import { measureOf, type Piece, textOfLength } from './measure.ts';

const characters = measureOf({ countTokens: undefined });
const piecesOf = (texts: readonly string[], count: (text: string) => number): Piece[] =>
  texts.map((text) => ({ text, length: count(text) }));
const join = (taken: readonly string[]) => `<${taken.join('')}>`;

it('counts tokens where it can, otherwise characters', () => {
  expect(measureOf({ countTokens: pairs })).toMatchObject({ unit: 'tokens' });
  expect(characters.unit).toBe('characters');
  expect(characters.count('𠮷野')).toBe(2);
});

it('takes pieces in order and fills up with smaller ones', () => {
  const pieces = piecesOf(['aaaa', 'bbbb', 'cccccc', 'dd', 'eeee'], characters.count);
  expect(textOfLength(12, pieces, characters, join).text).toBe('<aaaabbbbdd>');
});

it('measures the whole: pieces of odd length join to fewer tokens than they have apart', () => {
  const tokens = measureOf({ countTokens: pairs });
  const pieces = piecesOf(Array(300).fill('あいう'), pairs);
  const { text, taken } = textOfLength(200, pieces, tokens, join);
  expect(pairs(text)).toBeLessThanOrEqual(200);
  expect(pairs(text)).toBeGreaterThanOrEqual(196);
  expect(taken.length).toBeGreaterThan(120);
});

it('comes as near as large pieces allow', () => {
  const pieces = piecesOf(Array(50).fill('x'.repeat(30)), characters.count);
  expect(textOfLength(100, pieces, characters, join).text.length).toBe(92);
});

it('refuses what cannot be', () => {
  const pieces = piecesOf(['aaaa', 'bbbb'], characters.count);
  expect(() => textOfLength(100, pieces, characters, join)).toThrow('no text of 100 characters');
  expect(() => textOfLength(4, pieces, characters, join)).toThrow('no text of 4 characters');
});
