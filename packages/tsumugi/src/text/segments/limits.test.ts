// What is asked for is kept to: memory, open files, threads, and the files of segments.
import { existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TOY_HASH, temporaryFolder } from '../fixtures/toy.testing.ts';
import { joinParts } from '../parts/join-parts.ts';
import { openCorpus } from '../sources.ts';
import { type Assembly, writePartShards } from './assemble.ts';
import { DocumentSet } from './document-set.ts';
import { findDuplicates, LEAST_DEDUP_MEMORY } from './duplicates.ts';
import { RECORD_WORDS, type Segment } from './segment.ts';
import { writeInThreads } from './write-in-threads.ts';

/** A segment of documents with digests 0, 1, 2, … */
function segmentOf(documents: number, records: string, tokens: readonly string[] = []): Segment {
  const words = new Uint32Array(RECORD_WORDS * documents);
  for (let i = 0; i < documents; i++) words[RECORD_WORDS * i] = (2_654_435_761 * i) >>> 0;
  writeFileSync(records, words);
  return { tokens, records, documents };
}

describe('duplicates are found', () => {
  it('in memory as far as it goes, and then on the disk', async () => {
    using folder = temporaryFolder();
    // 43,690 documents fit.
    const segments = [segmentOf(50_000, folder.at('records'))];
    writeFileSync(folder.at('file'), '');
    const nowhere = folder.at('file', 'sorting');
    expect((await findDuplicates(segments, nowhere, 2 * LEAST_DEDUP_MEMORY)).size).toBe(0);
    await expect(findDuplicates(segments, nowhere, LEAST_DEDUP_MEMORY)).rejects.toThrow(/sorting/);
  });

  it('with no more runs open at a time than are allowed', async () => {
    using folder = temporaryFolder();
    const segments = [segmentOf(200_000, folder.at('records'))];
    const found = { over: false, most: 0, files: 0 };
    const openRuns = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder.at('sorting'));
        } catch {
          return false;
        }
      }).length;
    const look = async () => {
      for (; !found.over; await setImmediate()) {
        found.most = Math.max(found.most, openRuns());
        found.files = Math.max(
          found.files,
          existsSync(folder.at('sorting')) ? readdirSync(folder.at('sorting')).length : 0,
        );
      }
    };
    const looking = look();
    await findDuplicates(segments, folder.at('sorting'), LEAST_DEDUP_MEMORY, 2);
    found.over = true;
    await looking;
    // Two that are merged, and what they are merged into.
    expect(found.most).toBeGreaterThan(1);
    expect(found.most).toBeLessThanOrEqual(3);
    // Five at first, and what is being written of two of them.
    expect(found.files).toBeLessThanOrEqual(6);
  });

  it('by a join with the memory that it is given', async () => {
    await expect(joinParts([], 'nowhere', { dedupMemory: 5 })).rejects.toMatchObject({ code: 'dedup-memory' });
  });
});

it('as many threads are started as are asked for', async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.at('text'));
  writeFileSync(folder.at('text', 'a.txt'), 'text');
  let started = 0;
  const count = () => void started++;
  process.on('worker', count);
  const corpus = openCorpus([folder.at('text')]);
  const settings = { tokenizer: 'nowhere', tokenizerHash: TOY_HASH, place: 'x', onProgress: () => {} };
  await writeInThreads(corpus.inThreads!, { ...settings, threads: 3, folder: folder.at('out') }).catch(() => {});
  process.off('worker', count);
  expect(started).toBe(3);
});

it.each([true, false])('files of segments are removed once they are read: %s', async (consume) => {
  using folder = temporaryFolder();
  const segments = ['a', 'b'].map((name) => {
    writeFileSync(folder.at(`${name}.tokens`), '');
    return segmentOf(3, folder.at(`${name}.records`), [folder.at(`${name}.tokens`)]);
  });
  const assembly: Assembly = { folder: folder.path, segments, dropped: new DocumentSet(6), shardTokens: 5, consume };
  await writePartShards(assembly);
  const left = readdirSync(folder.path).filter((name) => /^[ab]\./.test(name));
  expect(left).toHaveLength(consume ? 0 : 4);
});
