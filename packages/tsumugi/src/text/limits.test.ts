// What asks for too much is refused against its limit before the memory is taken. Sparse files stand for large ones.
import { truncateSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from './fixtures/toy.testing.ts';
import { MAX_CHARACTERS, MAX_MANIFEST_BYTES, MAX_PIECE_UNITS, MAX_TOKENIZER_BYTES } from './limits.ts';
import { readManifest } from './manifest.ts';
import { readJsonLines } from './read-jsonl.ts';
import { readDocuments } from './sources.ts';
import { splitText } from './split.ts';
import { byteText, type Piece, SPECIAL_NAMES, Tokenizer } from './tokenizer/index.ts';

const MIB = 'あ'.repeat(2 ** 20);

/** A text without end, for readers that must not wait for it. */
async function* endless(begin: string): AsyncGenerator<string> {
  yield begin;
  for (;;) yield MIB;
}

it('one line of JSON, and one document, without end', async () => {
  const rows = readJsonLines('a.jsonl', endless('{"text": "い"}\n{"text": "'), 'text');
  expect((await rows.next()).value).toEqual({ row: 1, text: 'い' });
  await expect(rows.next()).rejects.toThrow(/a\.jsonl, row 2 is longer than 67,108,864 characters.*\n {2}→ Write one/);
  const documents = splitText('a.txt', endless(''), Number.POSITIVE_INFINITY);
  await expect(documents.next()).rejects.toThrow(/a\.txt would be a document of more than.*\n.*--document-characters/);
  // What the remedy of the second asks for works.
  expect((await splitText('a.txt', endless(''), 4000).next()).value).toHaveLength(4000);
});

it('as long as the limit is read', async () => {
  async function* whole() {
    for (let i = 0; i < MAX_CHARACTERS; i += MIB.length) yield MIB;
  }
  const documents = splitText('a.txt', whole(), Number.POSITIVE_INFINITY);
  expect((await documents.next()).value).toHaveLength(MAX_CHARACTERS);
});

it('a tokenizer and a manifest that are larger than any', () => {
  using folder = temporaryFolder();
  for (const [name, limit, read] of [
    ['tokenizer.jsonl', MAX_TOKENIZER_BYTES, () => Tokenizer.load(folder.path)],
    ['manifest.json', MAX_MANIFEST_BYTES, () => readManifest(folder.path)],
  ] as const) {
    writeFileSync(folder.at(name), '');
    truncateSync(folder.at(name), limit + 1);
    expect(read).toThrow(new RegExp(`${name} has ${limit + 1} bytes, and at most ${limit} are read\n  → `));
  }
});

it('a piece that is longer than any', () => {
  const pieces: Piece[] = [
    ...Object.values(SPECIAL_NAMES).map(
      (text, i): Piece => ({ text, score: 0, type: i === 0 ? 'UNKNOWN' : 'CONTROL' }),
    ),
    ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
  ];
  const withPiece = (units: number) =>
    Tokenizer.fromPieces([...pieces, { text: 'あ'.repeat(units), score: -1, type: 'NORMAL' }]);
  expect(withPiece(MAX_PIECE_UNITS).vocabSize).toBe(pieces.length + 1);
  expect(() => withPiece(MAX_PIECE_UNITS + 1)).toThrow('has 4097 characters, more than 4096');
});

it('a Parquet file that says its description is larger than any', async () => {
  using folder = temporaryFolder();
  const path = folder.at('a.parquet');
  const read = () => Array.fromAsync(readDocuments([path]));
  const end = (bytes: number) => {
    const tail = Buffer.alloc(8, 'PAR1');
    tail.writeUInt32LE(bytes);
    return tail;
  };
  writeFileSync(path, Buffer.concat([Buffer.alloc(100), end(2 ** 31)]));
  await expect(read()).rejects.toThrow(/its description of 2147483648 bytes is not there/);
  const fixture = fileURLToPath(new URL('fixtures/snappy.parquet', import.meta.url));
  expect(await Array.fromAsync(readDocuments([fixture], { field: 'content' }))).toHaveLength(5);
});
