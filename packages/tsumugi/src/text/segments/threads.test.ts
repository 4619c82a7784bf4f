// Preparation in several threads: the same bytes as in one, whatever the files, and the same mistakes.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedText } from '../embedded.ts';
import { temporaryFolder } from '../fixtures/toy.testing.ts';
import { prepare } from '../prepare.ts';
import { openCorpus } from '../sources.ts';
import { byteText, type Piece, SPECIAL_NAMES, writeTokenizer } from '../tokenizer/index.ts';
import { openTokenizer } from '../tokenizer-file.ts';
import { lineRanges, linesBefore } from './ranges.ts';
import { writeInThreads } from './write-in-threads.ts';
import { writeSegment } from './write-segment.ts';

const folder = temporaryFolder();
const novel = readFileSync(embeddedText()[0]!, 'utf8');
const rows = (texts: readonly string[]) => texts.map((text) => `${JSON.stringify({ text })}\n`).join('');
const pieceOf = (from: number, length: number) => novel.slice(from % 300_000, (from % 300_000) + length);
let tokenizer: ReturnType<typeof openTokenizer>;

beforeAll(() => {
  const pieces: Piece[] = [
    ...Object.values(SPECIAL_NAMES).map(
      (text, i): Piece => ({ text, score: 0, type: i === 0 ? 'UNKNOWN' : 'CONTROL' }),
    ),
    ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
    ...[...new Set(novel)].map((text): Piece => ({ text, score: -1, type: 'NORMAL' })),
  ];
  mkdirSync(folder.at('tokenizer'));
  writeTokenizer(folder.at('tokenizer'), pieces);
  tokenizer = openTokenizer(folder.at('tokenizer'));
  mkdirSync(folder.at('text'));
  const texts = (from: number, many: number) => Array.from({ length: many }, (_, i) => pieceOf(977 * (from + i), 900));
  // Copies within a file and across files, empty documents, half a character, several formats and encodings.
  writeFileSync(folder.at('text', 'a.jsonl'), rows([...texts(0, 300), ...texts(100, 30), ' ', '']));
  writeFileSync(folder.at('text', 'b.txt'), novel);
  writeFileSync(folder.at('text', 'c.jsonl.gz'), gzipSync(rows(texts(250, 100))));
  writeFileSync(folder.at('text', 'd.jsonl'), rows([...texts(2000, 1000), '猫\ud83d', ...texts(0, 50)]));
  writeFileSync(folder.at('text', 'e.txt'), Buffer.from(`\ufeff${novel}`, 'utf16le'));
});
afterAll(() => folder[Symbol.dispose]());

const options = (threads: number) => ({
  encoder: tokenizer.tokenizer,
  tokenizerHash: tokenizer.sha256,
  tokenizer: folder.at('tokenizer'),
  seed: 0,
  shardTokens: 200_000,
  threads,
});
const filesOf = (name: string) =>
  Object.fromEntries(readdirSync(folder.at(name)).map((file) => [file, readFileSync(folder.at(name, file))]));

describe('threads', () => {
  it('write the same bytes as one, and count the same', async () => {
    const [one, two] = [openCorpus([folder.at('text')]), openCorpus([folder.at('text')])];
    const done: number[] = [];
    const { manifest } = await prepare(one, folder.at('one'), options(1));
    await prepare(two, folder.at('two'), { ...options(2), onProgress: (now) => done.push(now.done) });
    expect(filesOf('two')).toEqual(filesOf('one'));
    expect(manifest.shards.length).toBeGreaterThan(5);
    expect(manifest).toMatchObject({ empty: 2, duplicates: expect.any(Number) });
    expect(manifest.duplicates).toBeGreaterThan(30 + 50 + 40);
    expect(two.mended).toEqual(one.mended);
    expect(one.mended).toMatchObject({ count: 1, first: { row: 1001 } });
    expect(done.at(-1)).toBe(1);
    expect(done.toSorted((a, b) => a - b)).toEqual(done);
  });

  /** `text/d.jsonl` in ranges of some kilobytes. */
  let cuts = 0;
  const cut = (path: string) => {
    const corpus = openCorpus([path]);
    const settings = { tokenizer: folder.at('tokenizer'), tokenizerHash: tokenizer.sha256, place: 'x' };
    const place = { folder: folder.at(`cut-${cuts++}`), rangeBytes: 100_000, threads: 2, onProgress: () => {} };
    return { corpus, written: writeInThreads(corpus.inThreads!, { ...settings, ...place }) };
  };

  it('read a large file of JSON lines in ranges, as if it were read at once', async () => {
    const path = folder.at('text', 'd.jsonl');
    const { corpus, written } = cut(path);
    const pieces = await written;
    expect(pieces.length).toBeGreaterThan(20);
    const whole = openCorpus([path]);
    const one = await writeSegment(whole.documents(), folder.at('whole'), tokenizer.tokenizer, 'x');
    const join = (names: readonly string[]) => Buffer.concat(names.map((name) => readFileSync(name)));
    expect(join(pieces.flatMap(({ segment }) => segment.tokens))).toEqual(join(one.segment.tokens));
    expect(join(pieces.map(({ segment }) => segment.records))).toEqual(join([one.segment.records]));
    expect(corpus.mended).toEqual(whole.mended);
  });

  it('leave out copies of what they have read themselves, and of nothing that comes later', async () => {
    const path = folder.at('copies.jsonl');
    const texts = Array.from({ length: 150 }, (_, i) => pieceOf(577 * i, 600));
    writeFileSync(path, rows([...texts, ...texts, ...texts]));
    const pieces = await cut(path).written;
    const documents = pieces.reduce((sum, piece) => sum + piece.documents, 0);
    // Each of two threads has at most one of each.
    expect(documents).toBeGreaterThanOrEqual(150);
    expect(documents).toBeLessThanOrEqual(300);
    expect(pieces.reduce((sum, piece) => sum + piece.duplicates, 0)).toBe(450 - documents);
    const first = pieces.slice(0, 2).map((piece) => piece.duplicates);
    expect(first).toEqual([0, 0]);
  });

  it('tell a mistake in a range with its row in the file', async () => {
    const path = folder.at('bad.jsonl');
    const texts = Array.from({ length: 300 }, (_, i) => pieceOf(i, 300));
    writeFileSync(path, `${rows(texts)}{"txt":"x"}\n${rows(texts)}`);
    await expect(cut(path).written).rejects.toMatchObject({ code: 'missing-field', fields: { row: 301 } });
  });

  it('take a file that is not in UTF-8 whole', async () => {
    const path = folder.at('euc.jsonl');
    writeFileSync(
      path,
      Buffer.from(`\ufeff${rows(Array.from({ length: 300 }, (_, i) => pieceOf(i, 300)))}`, 'utf16le'),
    );
    expect(await cut(path).written).toHaveLength(1);
  });

  it('leave nothing when the tokenizer is another by now', async () => {
    const other = { ...options(2), tokenizerHash: 'b'.repeat(64) };
    const preparing = prepare(openCorpus([folder.at('text')]), folder.at('other'), other);
    await expect(preparing).rejects.toThrow(/tokenizer\.jsonl changed while it was used/);
    expect(readdirSync(folder.path).filter((name) => name.startsWith('other'))).toEqual([]);
  });
});

it('cuts at line ends, and makes no range without a line', () => {
  const file = (name: string, content: string) => {
    writeFileSync(folder.at(name), content);
    return { path: folder.at(name), format: 'jsonl', bytes: Buffer.byteLength(content) } as const;
  };
  const lines = file('lines', `${'a'.repeat(9)}\n`.repeat(10));
  expect(lineRanges(lines, 25)).toEqual([
    [0, 30],
    [30, 60],
    [60, 90],
    [90, 100],
  ]);
  expect(linesBefore(lines.path, 60)).toBe(6);
  expect(lineRanges(file('long', `a\n${'b'.repeat(200_000)}\nc`), 10)).toEqual([
    [0, 200_003],
    [200_003, 200_004],
  ]);
  expect(lineRanges(file('none', 'b'.repeat(50)), 10)).toEqual([[0, 50]]);
});
