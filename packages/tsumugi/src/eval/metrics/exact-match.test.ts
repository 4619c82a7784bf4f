// How an answer is read before it is compared.
import { expect, it } from 'vitest';
import { exactMatch, readAnswer, readTarget } from './exact-match.ts';

it('reads an answer up to the first blank line, stripped and normalised', () => {
  expect(readAnswer('\nＡ\u3000\n\n### 入力:\nB')).toBe('A');
  expect(readAnswer(' ３．５ ')).toBe('3.5');
  expect(readAnswer('一行目\n二行目')).toBe('一行目\n二行目');
  expect(readAnswer('\n\n3')).toBe('');
});

it('compares what was read', () => {
  expect(exactMatch(readAnswer('ﾈｺ'), readTarget('ネコ'))).toBe(1);
  expect(exactMatch(readAnswer('答え：A'), readTarget('A'))).toBe(0);
});

it('reads a target in the form that answers are read in', () => {
  expect(readTarget('ＡＢＣ１２ｶﾅ')).toBe('ABC12カナ');
  expect(exactMatch(readAnswer('ABC12カナ'), readTarget('ＡＢＣ１２ｶﾅ'))).toBe(1);
});

it('strips as Python does', () => {
  expect(readAnswer('\x85\x1cA\u3000')).toBe('A');
  expect(readAnswer('\ufeffA')).toBe('\ufeffA');
});
