// Parts of several machines, joined: the bytes that one machine makes, or a refusal that says what does not fit.
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOY_HASH, temporaryFolder, toyEncoder } from '../fixtures/toy.testing.ts';
import { readManifest } from '../manifest.ts';
import { type PrepareOptions, prepare } from '../prepare.ts';
import { TokenShards } from '../shards.ts';
import { openCorpus, openCorpusPart } from '../sources.ts';
import { joinParts } from './join-parts.ts';
import { partFingerprint, readPart } from './part-manifest.ts';
import { parsePart, partOf } from './part-of.ts';
import { preparePart } from './prepare-part.ts';

const folder = temporaryFolder();
const options: PrepareOptions = {
  encoder: toyEncoder,
  tokenizerHash: TOY_HASH,
  seed: 1,
  heldOutFraction: 0.2,
  shardTokens: 500,
};
const rows = (texts: readonly string[]) => texts.map((text) => `${JSON.stringify({ text })}\n`).join('');
const texts = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `文書その${from + i}です。`);
const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => folder.at(`${name}.jsonl`));
const part = (index: number, of: number, out: string, more: Partial<PrepareOptions> = {}) =>
  preparePart(openCorpusPart(names, { index, of }), folder.at(out), { ...options, ...more });
const filesOf = (name: string) =>
  Object.fromEntries(readdirSync(folder.at(name)).map((file) => [file, readFileSync(folder.at(name, file))]));
const parts = (...which: string[]) => which.map((name) => folder.at(name));

beforeAll(async () => {
  // Copies within a file, within a part and across parts; the second and the fifth file hold nothing of their own.
  const content = [
    [...texts(0, 60), ...texts(10, 20)],
    texts(0, 60),
    [...texts(60, 130), ''],
    [...texts(5, 15), ...texts(130, 150)],
    ['', ' '],
    [...texts(140, 180), ...texts(0, 10)],
  ];
  for (const [i, each] of content.entries()) writeFileSync(names[i]!, rows(each));
  await prepare(openCorpus(names), folder.at('whole'), options);
  for (const index of [1, 2, 3]) await part(index, 3, `part-${index}`);
});
afterAll(() => folder[Symbol.dispose]());

describe('parts', () => {
  it('joined in any order are byte for byte what one machine makes of all files', async () => {
    const { manifest, reused } = await joinParts(parts('part-3', 'part-1', 'part-2'), folder.at('joined'));
    expect(reused).toBe(false);
    expect(filesOf('joined')).toEqual(filesOf('whole'));
    expect(manifest).toMatchObject({ duplicates: 10 + 60 + 10 + 10 + 10, empty: 3 });
    expect(manifest.shards.length).toBeGreaterThan(3);
    const again = await joinParts(parts('part-1', 'part-2', 'part-3'), folder.at('joined'));
    expect(again).toMatchObject({ reused: true, manifest });
  });

  it('of as many parts as files, of which one holds no document, too', async () => {
    const folders = await Promise.all(
      names.map(async (_, i) => {
        await part(i + 1, names.length, `sixth-${i}`);
        return folder.at(`sixth-${i}`);
      }),
    );
    expect(readPart(folders[4]!)).toMatchObject({ totals: { documents: 0 }, empty: 2, shards: [] });
    await joinParts(folders, folder.at('joined-6'));
    expect(filesOf('joined-6')).toEqual(filesOf('whole'));
  });

  it('of files that each machine has for itself are joined in the order of the parts', async () => {
    for (const [i, files] of [names.slice(0, 5), names.slice(5)].entries()) {
      const opened = openCorpusPart(files, { index: i + 1, of: 2, ownFiles: true });
      await preparePart(opened, folder.at(`own-${i}`), options);
    }
    await joinParts(parts('own-1', 'own-0'), folder.at('joined-own'));
    expect(filesOf('joined-own')).toEqual(filesOf('whole'));
    await expect(joinParts(parts('own-0', 'part-2'), folder.at('none'))).rejects.toThrow(
      /part-2 does not fit .*own-0: number of parts 2 → 3, another list of files\n/,
    );
  });

  it('hold out a document, and one only, where none would be, as one machine does', async () => {
    for (const index of [1, 2, 3]) await part(index, 3, `few-${index}`, { heldOutFraction: 1e-9 });
    const { manifest } = await joinParts(parts('few-1', 'few-2', 'few-3'), folder.at('few'));
    await prepare(openCorpus(names), folder.at('few-whole'), { ...options, heldOutFraction: 1e-9 });
    expect(manifest.heldOut.documents).toBe(1);
    expect(filesOf('few')).toEqual(filesOf('few-whole'));
  });

  it('are found again, and made anew where they are damaged', async () => {
    expect(await part(2, 3, 'part-2')).toMatchObject({ reused: true });
    cpSync(folder.at('part-2'), folder.at('damaged'), { recursive: true });
    const file = folder.at('damaged', 'tokens-00000.bin');
    const bytes = readFileSync(file);
    bytes[5]! ^= 1;
    writeFileSync(file, bytes);
    await expect(joinParts(parts('part-1', 'damaged', 'part-3'), folder.at('none'))).rejects.toThrow(
      /damaged\/tokens-00000\.bin is not what part\.json says: its SHA-256 differs/,
    );
    expect(await part(2, 3, 'damaged')).toMatchObject({ reused: false, damage: expect.stringContaining('differs') });
    expect(filesOf('damaged')).toEqual(filesOf('part-2'));
    await expect(part(1, 3, 'part-2')).rejects.toThrow(/prepared otherwise: part 2 of 3 → part 1 of 3, text /);
    await expect(part(2, 3, 'part-2', { seed: 9 })).rejects.toThrow(/seed 1 → 9/);
  });

  it.each([
    ['one is missing', ['part-1', 'part-3'], 'missing-part', /^of 3 parts, part 2 is missing\n/],
    ['two are missing', ['part-2'], 'missing-part', /^of 3 parts, parts 1, 3 are missing\n/],
    [
      'one is there twice',
      ['part-1', 'part-2', 'copy', 'part-3'],
      'doubled-part',
      /(copy|part-2) and .*(copy|part-2) are both part 2 of 3\n/,
    ],
    ['another seed', ['part-1', 'seed', 'part-3'], 'parts-differ', /seed does not fit .*part-1: seed 1 → 2\n/],
    [
      'another tokenizer',
      ['part-1', 'tokenizer', 'part-3'],
      'parts-differ',
      /: tokenizer SHA-256 aaaaaaaaaaaa… → SHA-256 b{12}…\n/,
    ],
    ['another way of reading', ['part-1', 'reading', 'part-3'], 'parts-differ', /: version of the readers 2 → 1\n/],
    ['another list', ['part-1', 'list', 'part-3'], 'parts-differ', /: another list of files\n/],
    ['no part', ['part-1', 'whole'], 'no-part', /whole is no part of a corpus: it has no part\.json\n/],
    ['an edited part', ['part-1', 'edited', 'part-3'], 'malformed-part', /its fingerprint is not that of what it says/],
  ])('are refused in a sentence: %s', async (_, which, code, message) => {
    if (!existsSync(folder.at('copy'))) await misfits();
    const error = await joinParts(parts(...which), folder.at('none')).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(existsSync(folder.at('none'))).toBe(false);
  });

  async function misfits(): Promise<void> {
    cpSync(folder.at('part-2'), folder.at('copy'), { recursive: true });
    await part(2, 3, 'seed', { seed: 2 });
    await part(2, 3, 'tokenizer', { tokenizerHash: 'b'.repeat(64) });
    await preparePart(openCorpusPart(names.slice(1), { index: 2, of: 3 }), folder.at('list'), options);
    for (const [name, change] of [
      ['reading', { readingVersion: 1 }],
      ['edited', { seed: 2 }],
    ] as const) {
      cpSync(folder.at('part-2'), folder.at(name), { recursive: true });
      const { fingerprint, ...said } = { ...readPart(folder.at('part-2')), ...change };
      const now = name === 'edited' ? fingerprint : partFingerprint(said);
      writeFileSync(folder.at(name, 'part.json'), JSON.stringify({ ...said, fingerprint: now }));
    }
  }

  it('are not taken for shards', () => {
    for (const open of [() => readManifest(folder.at('part-1')), () => TokenShards.open(folder.at('part-1'))])
      expect(open).toThrow(/part-1 is one part of a corpus that several machines prepare\n.*tsumugi data join/);
  });
});

describe('the files of a part', () => {
  const of = (sizes: readonly number[], parts: number) =>
    Array.from({ length: parts }, (_, i) => {
      const files = sizes.map((bytes, k) => ({ path: String(k), format: 'jsonl' as const, bytes }));
      const { from, to } = partOf(files, { index: i + 1, of: parts });
      return sizes.slice(from, to);
    });

  it('are a run of the list, about equal in size, and none is left out', () => {
    expect(of([1, 1, 1, 1], 2)).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(of([5, 1, 1, 1, 2], 2)).toEqual([[5], [1, 1, 1, 2]]);
    expect(of([100, 1, 1, 1], 4)).toEqual([[100], [1], [1], [1]]);
    expect(of([1, 1, 1, 100], 3)).toEqual([[1, 1], [1], [100]]);
    expect(of([0, 0, 0], 3)).toEqual([[0], [0], [0]]);
    expect(of([7, 8], 1)).toEqual([[7, 8]]);
    expect(() => of([1, 2], 3)).toThrow(/2 files cannot be cut into 3 parts/);
  });

  it.each(['0/4', '5/4', '4', '1/0', '-1/2', '1/2/3', 'a/b', ''])('"%s" is no part', (text) => {
    expect(() => parsePart(text)).toThrow(/--part: expected a part and how many there are, such as 2\/4/);
  });
});
