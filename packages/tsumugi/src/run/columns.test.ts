// Text in columns: what is wide, what is cut, what is aligned.
import { expect, it } from 'vitest';
import { displayWidth, fitWidth, formatCells, padEnd, padStart } from './index.ts';

it('knows that Japanese characters take two columns', () => {
  const texts = ['loss', '紬ぐ、カナ。', 'か\u3099', '🙂'];
  expect(texts.map(displayWidth)).toEqual([4, 12, 2, 2]);
});

it('cuts and fills by columns', () => {
  expect(fitWidth('abcdef', 6)).toBe('abcdef');
  expect(fitWidth('abcdefg', 6)).toBe('abcde…');
  expect(fitWidth('吾輩は猫', 6)).toBe('吾輩…');
  expect([padEnd('吾輩', 6), padStart('吾輩', 6), padEnd('吾輩', 3)]).toEqual(['吾輩  ', '  吾輩', '吾輩']);
});

it('aligns cells', () => {
  const rows = [
    ['吾輩', '1.5'],
    ['a', '20'],
  ];
  expect(formatCells(rows, 1)).toBe('  吾輩  1.5\n  a      20');
  expect(formatCells(rows, 2)).toBe('  吾輩  1.5\n  a     20');
});
