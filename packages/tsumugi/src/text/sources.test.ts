// Reading text, jsonl and parquet, and every mistake with them.
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { embeddedText } from './embedded.ts';
import { encodeAs, temporaryFolder } from './fixtures/toy.testing.ts';
import { readDecompressed } from './read-bytes.ts';
import { openCorpus, type ReadOptions, readDocuments } from './sources.ts';

async function texts(paths: string | string[], options: ReadOptions = {}): Promise<string[]> {
  const documents = await Array.fromAsync(readDocuments([paths].flat(), options));
  return documents.map((document) => document.text);
}

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

describe('files and folders', () => {
  it('reads a folder recursively, in order of names, without hidden and unreadable files', async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.at('b', 'c'), { recursive: true });
    mkdirSync(folder.at('.git'));
    writeFileSync(folder.at('b', 'c', 'deep.md'), '# 深い\n');
    writeFileSync(folder.at('b.txt'), 'び');
    writeFileSync(folder.at('A.TXT'), 'えい');
    writeFileSync(folder.at('image.png'), 'png');
    writeFileSync(folder.at('.hidden.txt'), 'hidden');
    writeFileSync(folder.at('.git', 'x.txt'), 'hidden');
    writeFileSync(folder.at('z.jsonl'), '{"text": "一"}\n\n{"text": "二"}');
    symlinkSync(folder.path, folder.at('b', 'loop'));
    const documents = await Array.fromAsync(readDocuments([folder.path]));
    expect(documents.map((document) => document.text)).toEqual(['えい', '# 深い\n', 'び', '一', '二']);
    expect(documents[0]!.source).toBe(folder.at('A.TXT'));
    // Named twice, read once; the order is that of the paths.
    expect(await texts([folder.at('z.jsonl'), folder.path])).toEqual(['一', '二', 'えい', '# 深い\n', 'び']);
  });

  it('reads compressed files', async () => {
    using folder = temporaryFolder();
    const body = Buffer.from('{"text": "圧縮"}\n'.repeat(3));
    writeFileSync(folder.at('a.jsonl.gz'), gzipSync(body));
    writeFileSync(folder.at('b.txt.zst'), zstdCompressSync(Buffer.from('文')));
    expect(await texts(folder.path)).toEqual(['圧縮', '圧縮', '圧縮', '文']);
    truncateSync(folder.at('a.jsonl.gz'), 20);
    await expect(texts(folder.at('a.jsonl.gz'))).rejects.toMatchObject({ code: 'unreadable-file' });
  });

  it('reads old encodings by detection, also in JSON lines, and by name', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('e.txt'), encodeAs('これはEUCです。', 'euc-jp'));
    writeFileSync(folder.at('j.jsonl'), encodeAs('{"text": "これはJSONです"}', 'shift_jis'));
    writeFileSync(folder.at('s.txt'), encodeAs('日本国憲法', 'shift_jis'));
    expect(await texts([folder.at('e.txt'), folder.at('j.jsonl')])).toEqual(['これはEUCです。', 'これはJSONです']);
    expect(await texts(folder.at('s.txt'), { encoding: 'sjis' })).toEqual(['日本国憲法']);
  });

  it('cuts the embedded novels into documents that a split can use', async () => {
    const all = await texts(embeddedText());
    expect(all.length).toBeGreaterThan(80);
    expect(all.join('').length).toBe(409_832);
    const corpus = openCorpus(embeddedText());
    let [last, falls] = [0, 0];
    for await (const _ of corpus.documents()) {
      if (corpus.bytesRead < last) falls++;
      last = corpus.bytesRead;
    }
    expect(falls).toBe(0);
    expect(corpus.bytesRead).toBe(corpus.bytesTotal);
    expect((await corpus.sources())[1]!.sha256).toBe(
      '8630aa7e7b9dfa16e196ad66664b0f7387064c21792798d3aebeae58298a6b8e',
    );
  });

  it('reads again from the first document on', async () => {
    const corpus = openCorpus([fixture('zstd.parquet')], { field: 'content' });
    const once = await Array.fromAsync(corpus.documents());
    expect(await Array.fromAsync(corpus.documents())).toEqual(once);
  });
});

describe('.xz', () => {
  // Packed by xz -6, so that the test needs no xz: '{"text": "圧縮"}' twice as two streams, and as one with SHA-256.
  const plain = Buffer.from(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQASeyJ0ZXh0IjogIuWcp+e4riJ9CgAAL4iiFNRhPLkAASsTnAlI0h+2830BAAAAAARZWg==',
    'base64',
  );

  it('reads streams in a row', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.jsonl.xz'), Buffer.concat([plain, plain]));
    expect(await texts(folder.path)).toEqual(['圧縮', '圧縮']);
    expect((await readDecompressed(folder.at('a.jsonl.xz'))).toString()).toBe('{"text": "圧縮"}\n'.repeat(2));
  });

  it.each([
    ['no xz file at all, only text', /not an \.xz file/],
    [plain.subarray(0, plain.length - 4), /ends too early/],
    [plain.with(30, plain[30]! ^ 1), /damaged/],
    [
      Buffer.from(
        '/Td6WFoAAArh+wyhAgAhARYAAAB0L+WjAQASeyJ0ZXh0IjogIuWcp+e4riJ9CgAAOGrkNn2+tXonbVRDSTFDCsY1sDITfabYiW6lHgaHjP0AAUMTM+hsfxibS5oBAAAAAApZWg==',
        'base64',
      ),
      /a check other than CRC/,
    ],
    ['', /empty/],
  ])('refuses %j and says why', async (content, reason) => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.txt.xz'), content);
    await expect(texts(folder.at('a.txt.xz'))).rejects.toThrow(reason);
    await expect(texts(folder.at('a.txt.xz'))).rejects.toMatchObject({ code: 'unreadable-file' });
  });

  it('lets go of a file that is not read to its end', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.jsonl.xz'), Buffer.concat(Array(50).fill(plain)));
    for await (const { text } of readDocuments([folder.path])) {
      expect(text).toBe('圧縮');
      break;
    }
  });
});

describe('Parquet', () => {
  const expected = [
    '吾輩は猫である。',
    '名前はまだ無い。\r\nどこで生れたかとんと見当がつかぬ。',
    '',
    '𠮷野家で🍣を食べた。',
    '吾輩は猫である。',
  ];
  for (const codec of ['snappy', 'zstd']) {
    it(`reads a column compressed with ${codec}`, async () => {
      expect(await texts(fixture(`${codec}.parquet`), { field: 'content' })).toEqual(expected);
    });
  }

  it('names the columns when the one asked for is missing, and refuses one that is no text', async () => {
    await expect(texts(fixture('snappy.parquet'), { field: 'contents' })).rejects.toThrow(
      /"id", "content".*did you mean "content"/s,
    );
    await expect(texts(fixture('snappy.parquet'), { field: 'id' })).rejects.toMatchObject({
      code: 'not-text',
      fields: { row: 1 },
    });
  });

  it('refuses a file that is not Parquet', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.parquet'), 'not parquet at all');
    await expect(texts(folder.at('a.parquet'))).rejects.toMatchObject({ code: 'unreadable-parquet' });
    writeFileSync(folder.at('a.parquet'), '');
    await expect(texts(folder.at('a.parquet'))).rejects.toMatchObject({ code: 'unreadable-parquet' });
  });
});

describe('mistakes', () => {
  async function mistake(content: string, options: ReadOptions = {}) {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.jsonl'), content);
    return await texts(folder.at('a.jsonl'), options).then(
      () => undefined,
      (error) => error,
    );
  }

  it('in JSON lines name the row and the nearest field', async () => {
    expect(await mistake('{"text": "a"}\n{"txt": "b", "id": 1}')).toMatchObject({
      code: 'missing-field',
      fields: { row: 2 },
    });
    expect((await mistake('{"txt": "b", "id": 1}')).message).toMatch(/row 1 has no field "text".*did you mean "txt"/s);
    expect((await mistake('{"a": "b"}', { field: 'content' })).message).toMatch(/no field "content" but "a"/);
    expect(await mistake('{"text": "a"}\n\n{"text": ')).toMatchObject({ code: 'not-json', fields: { row: 3 } });
    expect(await mistake('[1, 2]')).toMatchObject({ code: 'not-an-object' });
    expect(await mistake('{"text": 5}')).toMatchObject({ code: 'not-text' });
    expect(await mistake('{"text": ["a"]}')).toMatchObject({ code: 'not-text' });
    expect(await mistake('{"text": null}\n{"text": "\\u3042"}')).toBeUndefined();
  });

  it('in paths have a remedy', () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('novel.txt'), 'a');
    expect(() => openCorpus([folder.at('nobel.txt')])).toThrow(/no file or folder .*nobel.*novel\.txt/s);
    expect(() => openCorpus([folder.at('no', 'such')])).toThrow(/no file or folder/);
    mkdirSync(folder.at('empty'));
    expect(() => openCorpus([folder.at('empty')])).toThrow(/holds no files/);
    mkdirSync(folder.at('images'));
    writeFileSync(folder.at('images', 'a.png'), '');
    expect(() => openCorpus([folder.at('images')])).toThrow(/no file of a readable format.*\.jsonl/s);
    expect(() => openCorpus([folder.at('images', 'a.png')])).toThrow(/cannot|not of a format/);
    for (const archive of ['a.jsonl.bz2', 'a.tar.xz']) {
      writeFileSync(folder.at(archive), '');
      expect(() => openCorpus([folder.at(archive)])).toThrow(/unpack it first/);
    }
    expect(() => openCorpus([])).toThrow(/no text was named/);
    expect(() => openCorpus([folder.at('novel.txt')], { encoding: 'utf-9' })).toThrow(/no text encoding/);
    for (const documentCharacters of [0, 99, Number.NaN]) {
      expect(() => openCorpus([folder.at('novel.txt')], { documentCharacters })).toThrow(/at least 100 characters/);
    }
  });
});

it('counts the documents in which half of a surrogate pair is replaced, each time it reads', async () => {
  using folder = temporaryFolder();
  writeFileSync(
    folder.at('a.jsonl'),
    '{"text":"犬"}\n\n{"text":"猫\\ud83d"}\n{"text":"\\ude00\\ud83d"}\n{"text":"\\ud83d\\ude00"}\n',
  );
  const corpus = openCorpus([folder.path]);
  expect(corpus.mended).toEqual({ count: 0, first: undefined });
  for (const _ of [1, 2]) {
    const found: string[] = [];
    for await (const { text } of corpus.documents()) found.push(text);
    expect(found).toEqual(['犬', '猫\ufffd', '\ufffd\ufffd', '😀']);
    expect(corpus.mended).toEqual({ count: 2, first: { file: folder.at('a.jsonl'), row: 3 } });
  }
});

it('reads in the encoding it is told, where detection says another thing or refuses', async () => {
  using folder = temporaryFolder();
  // 日本国憲法 in EUC-JP could be half-width kana; あ in UTF-8 is also a text in Windows-1252.
  writeFileSync(folder.at('e.txt'), Buffer.from('c6fccbdcb9f1b7fbcba1', 'hex'));
  writeFileSync(folder.at('u.txt'), 'あ');
  await expect(texts(folder.at('e.txt'))).rejects.toMatchObject({ code: 'ambiguous-encoding' });
  expect(await texts(folder.at('e.txt'), { encoding: 'euc-jp' })).toEqual(['日本国憲法']);
  expect(await texts(folder.at('u.txt'), { encoding: 'windows-1252' })).toEqual(['ã\u0081‚']);
});
