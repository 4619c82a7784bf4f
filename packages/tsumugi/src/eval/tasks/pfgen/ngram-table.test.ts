// The table against counting by hand, substring by substring.
import { describe, expect, it } from 'vitest';
import { ABSENT, MAX_N, NgramTable, ROOT } from './ngram-table.ts';
import { randomTexts } from './pfgen.testing.ts';
import { codePointsOf } from './score.ts';

/** Texts with each n-gram, as the benchmark's description bounds the substrings of `^text$`. */
function countedByHand(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const wrapped = Array.from(`^${text}$`);
    const found = new Set<string>();
    for (let p = 1; p <= wrapped.length - 1; p++)
      for (let n = 1; n <= Math.min(MAX_N, p - 1); n++) found.add(wrapped.slice(p - n, p).join(''));
    for (const gram of found) counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

function lookUp(table: NgramTable, gram: string): number {
  let node = ROOT;
  for (const character of codePointsOf(gram)) node = table.next(node, table.symbol(character));
  return table.count(node);
}

describe('NgramTable', () => {
  it.each([1, 2, 3, 4, 5])('counts every n-gram of random texts (%d)', (seed) => {
    const texts = randomTexts(seed, [0, 1, 2, 9, 10, 11, 12, 30, 30, 60], seed > 3 ? 'ab' : undefined);
    texts.push(texts.at(-1)!, 'ああああああああああああ');
    const table = NgramTable.of(texts);
    const expected = countedByHand(texts);
    expect(table.size).toBe(expected.size);
    for (const [gram, count] of expected) expect(lookUp(table, gram), gram).toBe(count);
  });

  it('leaves out what no text contains, and what is too long', () => {
    const table = NgramTable.of(['0123456789a', '0123']);
    expect(lookUp(table, '0123')).toBe(2);
    expect(lookUp(table, '0123456789')).toBe(1);
    expect(lookUp(table, '0123456789a')).toBe(0);
    expect(lookUp(table, '02')).toBe(0);
    expect(lookUp(table, '9a0')).toBe(0); // not across two texts
    expect(lookUp(table, '0x')).toBe(0);
    expect(lookUp(table, '^0')).toBe(0);
    expect(lookUp(table, 'a$')).toBe(0);
    expect(table.next(ABSENT, table.symbol(0x30))).toBe(ABSENT);
  });

  it('takes a pair of surrogates as one character', () => {
    const table = NgramTable.of(['🍣🍣x']);
    expect(table.size).toBe(5);
    expect(lookUp(table, '🍣')).toBe(1);
    expect(table.symbol(0xd83c)).toBe(-1);
  });
});
