// The set of digests that finds duplicates.
import { hash } from 'node:crypto';
import { expect, it } from 'vitest';
import { DigestSet } from './digest-set.ts';

it('knows every digest again after growing, and no other', () => {
  const set = new DigestSet();
  const digests = Array.from({ length: 5000 }, (_, i) => hash('sha256', String(i), 'buffer'));
  for (const digest of digests.slice(0, 4000)) expect(set.add(digest)).toBe(true);
  for (const digest of digests.slice(0, 4000)) expect(set.add(digest)).toBe(false);
  for (const digest of digests.slice(4000)) expect(set.add(digest)).toBe(true);
  expect(set.size).toBe(5000);
});

it('tells digests apart that fall on one place or share words', () => {
  const set = new DigestSet();
  const digest = (...words: number[]) => Buffer.from(Uint32Array.from(words).buffer);
  for (const last of [0, 1, 2, 3]) expect(set.add(digest(7, 0, 0, last))).toBe(true);
  expect(set.add(digest(7, 0, 0, 2))).toBe(false);
  expect(set.add(digest(7, 2, 0, 0))).toBe(true);
});
