// Exact duplicates: whatever the memory, those that a map in memory finds.
import { existsSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { temporaryFolder } from '../fixtures/toy.testing.ts';
import { findDuplicates, LEAST_DEDUP_MEMORY } from './duplicates.ts';
import { RECORD_WORDS, type Segment } from './segment.ts';

/** The plain twin: the numbers of documents whose digest an earlier one has. */
function laterCopies(digests: readonly string[]): number[] {
  const seen = new Set<string>();
  const copies: number[] = [];
  for (const [i, digest] of digests.entries())
    if (seen.has(digest)) copies.push(i);
    else seen.add(digest);
  return copies;
}

/** Segments of documents with these digests of four words, so many in each. */
function segmentsOf(digests: Uint32Array, sizes: readonly number[], at: (name: string) => string): Segment[] {
  let from = 0;
  return sizes.map((documents, i) => {
    const records = new Uint32Array(RECORD_WORDS * documents);
    for (let k = 0; k < documents; k++)
      records.set(digests.subarray(4 * (from + k), 4 * (from + k + 1)), RECORD_WORDS * k);
    from += documents;
    writeFileSync(at(`${i}.records`), records);
    return { tokens: [], records: at(`${i}.records`), documents };
  });
}

/** Digests of which some are copies, and some differ from another in one word only. */
function randomDigests(documents: number): Uint32Array {
  const random = new RandomStream(3);
  const below = (limit: number) => Math.floor(limit * random.next());
  const digests = Uint32Array.from({ length: 4 * documents }, () => below(2 ** 32));
  for (let i = 1; i < documents; i++) {
    const kind = below(10);
    if (kind > 2) continue;
    const other = 4 * below(i);
    digests.copyWithin(4 * i, other, other + 4);
    if (kind === 0) digests[4 * i + below(4)]! ^= 1 << below(32);
  }
  return digests;
}

it.each([
  ['all at once', 3000, [1000, 0, 1999, 1], 2 ** 30, 128],
  // 43,690 documents fit a run.
  ['in runs that are merged once', 100_000, [60_000, 40_000], LEAST_DEDUP_MEMORY, 128],
  ['in runs that are merged in three passes', 200_000, [130_000, 70_000], LEAST_DEDUP_MEMORY, 2],
])('finds them %s', async (_, documents, sizes, memory, mostRuns) => {
  using folder = temporaryFolder();
  const digests = randomDigests(documents);
  const texts = Array.from({ length: documents }, (_, i) => digests.subarray(4 * i, 4 * i + 4).join());
  const dropped = await findDuplicates(segmentsOf(digests, sizes, folder.at), folder.at('sorting'), memory, mostRuns);
  const expected = laterCopies(texts);
  expect(expected.length).toBeGreaterThan(documents / 10);
  expect(dropped.size).toBe(expected.length);
  expect(expected.filter((i) => !dropped.has(i))).toEqual([]);
  expect(existsSync(folder.at('sorting'))).toBe(false);
});

it('finds none among none, and refuses a memory that is no size or too small', async () => {
  using folder = temporaryFolder();
  expect((await findDuplicates([], folder.at('sorting'), 2 ** 20)).size).toBe(0);
  for (const memory of [0, 2 ** 20 - 1, Number.NaN])
    await expect(findDuplicates([], folder.at('sorting'), memory)).rejects.toMatchObject({ code: 'dedup-memory' });
});
