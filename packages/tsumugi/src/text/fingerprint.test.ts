// Two preparations are the same only when everything that determines the shards is.
import { expect, it } from 'vitest';
import { differencesBetween, fingerprintOf, type Origin } from './fingerprint.ts';

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
const source = { path: 'novel.txt', bytes: 3, sha256: a, read: 'text' };
const origin: Origin = {
  sources: [source],
  settings: { field: 'text', encoding: 'detected' },
  tokenizer: { sha256: a, vocabSize: 9, bosId: 1 },
  seed: 0,
  heldOutFraction: 0.05,
  shardTokens: 64,
};

it.each<[change: Partial<Origin>, difference: string]>([
  [
    { sources: [{ ...source, sha256: b }] },
    'text novel.txt (text, SHA-256 aaaaaaaaaaaa…) → novel.txt (text, SHA-256 bbbbbbbbbbbb…)',
  ],
  [
    { sources: [{ ...source, read: 'jsonl' }] },
    'text novel.txt (text, SHA-256 aaaaaaaaaaaa…) → novel.txt (jsonl, SHA-256 aaaaaaaaaaaa…)',
  ],
  [{ settings: { field: 'body', encoding: 'detected' } }, 'field text → body'],
  [{ settings: { field: 'text', encoding: 'euc-jp' } }, 'encoding detected → euc-jp'],
  [{ tokenizer: { ...origin.tokenizer, sha256: b } }, 'tokenizer SHA-256 aaaaaaaaaaaa… → SHA-256 bbbbbbbbbbbb…'],
  [{ tokenizer: { ...origin.tokenizer, vocabSize: 8 } }, 'vocabulary size 9 → 8'],
  [{ tokenizer: { ...origin.tokenizer, bosId: 2 } }, 'BOS 1 → 2'],
  [{ seed: 1 }, 'seed 0 → 1'],
  [{ heldOutFraction: 0.1 }, 'held-out share 0.05 → 0.1'],
  [{ shardTokens: 65 }, 'tokens of a shard 64 → 65'],
])('%j is another', (change, difference) => {
  const other = { ...origin, ...change };
  expect(differencesBetween(origin, other)).toEqual([difference]);
  expect(fingerprintOf(other)).not.toBe(fingerprintOf(origin));
});

it('counts files and settings that come or go, and their order, but no names', () => {
  const two = { ...origin, sources: [source, { ...source, sha256: b }] };
  const swapped = { ...two, sources: [...two.sources].reverse() };
  const fewer = { ...origin, settings: { field: 'text' } };
  expect(differencesBetween(origin, two)).toHaveLength(2);
  expect(differencesBetween(two, swapped)).toHaveLength(1);
  expect(differencesBetween(origin, fewer)).toEqual(['encoding detected → unset']);
  expect(differencesBetween(fewer, origin)).toEqual(['encoding unset → detected']);
  expect(new Set([origin, two, swapped, fewer].map(fingerprintOf)).size).toBe(4);
  const moved = { ...origin, sources: [{ ...source, path: 'elsewhere.md', bytes: 4 }] };
  expect([differencesBetween(origin, moved), fingerprintOf(moved)]).toEqual([[], fingerprintOf(origin)]);
  const ordered = { ...origin, settings: { encoding: 'detected', field: 'text' } };
  expect(fingerprintOf(ordered)).toBe(fingerprintOf(origin));
});
