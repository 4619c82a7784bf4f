// Files that are not whole, that swell, that are not what their name says: each is refused with its name, or named as left out.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './fixtures/toy.testing.ts';
import { openCorpus, type ReadOptions, readDocuments } from './sources.ts';

async function texts(path: string, options: ReadOptions = {}): Promise<string[]> {
  return (await Array.fromAsync(readDocuments([path], options))).map(({ text }) => text);
}

/** What reading a file of this content gives: its texts, or the message. */
async function reading(name: string, ...content: Uint8Array[]): Promise<string> {
  using folder = temporaryFolder();
  writeFileSync(folder.at(name), Buffer.concat(content));
  try {
    return (await texts(folder.at(name), { documentCharacters: Number.POSITIVE_INFINITY })).join('');
  } catch (error) {
    return (error as Error).message.replaceAll(folder.path, '');
  }
}

const TEXT = '吾輩は猫である。\n'.repeat(50);
const gz = gzipSync(TEXT);
const zst = zstdCompressSync(Buffer.from(TEXT));
// Packed by xz -6: 吾輩は猫である。 and a newline.
const xz = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAY5ZC+6Lyp44Gv54yr44Gn44GC44KL44CCCgAAAADteC6cJF9n9gABMRlZGrCCH7bzfQEAAAAABFla',
  'base64',
);
const junk = Buffer.from('what came from another download');
const zeros = Buffer.alloc(512);
const skippable = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from('notes')]);

describe('gzip', () => {
  it('is read when it is whole: members in a row, padding of zeros', async () => {
    expect(await reading('a.txt.gz', gz)).toBe(TEXT);
    expect(await reading('a.txt.gz', gz, gz)).toBe(TEXT + TEXT);
    expect(await reading('a.txt.gz', gz, zeros)).toBe(TEXT);
  });

  it.each([
    ['cut', [gz.subarray(0, -3)], 'it ends too early'],
    ['cut in its last member', [gz, gz.subarray(0, 12)], 'it ends too early'],
    ['followed by something else', [gz, junk], 'something that is not gzip follows it'],
    ['changed', [gz.subarray(0, -6), Buffer.from([1]), gz.subarray(-5)], 'its content is damaged'],
    ['empty', [], 'it ends too early'],
    ['no gzip', [Buffer.from(TEXT)], 'damaged'],
  ])('is refused when it is %s', async (_, content, reason) => {
    expect(await reading('a.txt.gz', ...content)).toMatch(new RegExp(`^/a.txt.gz cannot be read: .*${reason}.*\n  → `));
  });
});

describe('Zstandard', () => {
  it('is read when it is whole: frames in a row, frames to be skipped', async () => {
    expect(await reading('a.txt.zst', zst)).toBe(TEXT);
    expect(await reading('a.txt.zst', zst, skippable, zst, skippable)).toBe(TEXT + TEXT);
    const large = TEXT.repeat(20_000);
    expect(await reading('a.txt.zst', zstdCompressSync(Buffer.from(large)), zst)).toBe(large + TEXT);
  });

  it.each([
    ['cut', [zst.subarray(0, -3)], 'it ends too early'],
    ['cut in its last frame', [zst, zst.subarray(0, 12)], 'it ends too early'],
    ['cut in the first bytes of its last frame', [zst, zst.subarray(0, 3)], 'it ends too early'],
    ['followed by something else', [zst, junk], `what begins at byte ${zst.length} is no frame of Zstandard`],
    ['followed by zeros', [zst, zeros], `what begins at byte ${zst.length} is no frame`],
    ['empty', [], 'it ends too early'],
    ['no Zstandard', [Buffer.from(TEXT)], 'it is no .zst file'],
  ])('is refused when it is %s', async (_, content, reason) => {
    expect(await reading('a.txt.zst', ...content)).toMatch(new RegExp(`^/a.txt.zst cannot be read: ${reason}.*\n  → `));
  });

  it('is refused with the way out when it was packed with a dictionary', async () => {
    // A frame that names dictionary 7, as zstd -D with a trained one writes.
    const header = (zst[4]! & 0x20) === 0 ? 6 : 5;
    const descriptor = Buffer.from([(zst[4]! & 0xfc) | 1]);
    const named = Buffer.concat([
      zst.subarray(0, 4),
      descriptor,
      zst.subarray(5, header),
      Buffer.from([7]),
      zst.subarray(header),
    ]);
    expect(await reading('a.txt.zst', named)).toMatch(/packed with a dictionary/);
  });
});

describe('.xz', () => {
  it.each([
    ['cut', [xz.subarray(0, -3)], 'ends too early'],
    ['followed by something else', [xz, junk], 'not an .xz file'],
    ['cut in its last stream', [xz, xz.subarray(0, 5)], 'ends too early'],
  ])('is refused when it is %s', async (_, content, reason) => {
    expect(await reading('a.txt.xz', ...content)).toMatch(new RegExp(`^/a.txt.xz cannot be read: .*${reason}`));
  });
});

describe('swelling', () => {
  it('of a text that repeats fifty times over is read, of a bomb refused', async () => {
    const sound = zstdCompressSync(Buffer.from(TEXT.repeat(100)));
    expect((TEXT.length * 3 * 100) / sound.length).toBeGreaterThan(50);
    expect((await reading('a.txt.zst', sound)).length).toBe(TEXT.length * 100);
    const bomb = zstdCompressSync(Buffer.alloc(2 ** 28, 'a\n'));
    expect(await reading('a.jsonl.zst', bomb)).toMatch(/unpacks to more than 250 times its size.*\n {2}→ Remove it/);
  });
});

describe('folders', () => {
  it('name what is left out, and count the rest', async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.at('in', 'd.txt'), { recursive: true });
    writeFileSync(folder.at('in', 'd.txt', 'A.TXT'), 'あ');
    writeFileSync(folder.at('in', 'b.JSONL.GZ'), gzipSync('{"text": "い"}'));
    writeFileSync(folder.at('in', 'empty.md'), '');
    for (const name of ['a.png', 'b.pdf', '.hidden.txt']) writeFileSync(folder.at('in', name), 'x');
    symlinkSync(folder.at('gone.txt'), folder.at('in', 'gone.txt'));
    symlinkSync(folder.at('gone.png'), folder.at('in', 'gone.png'));
    symlinkSync(folder.at('in'), folder.at('in', 'loop'));
    writeFileSync(
      Buffer.concat([Buffer.from(`${folder.at('in')}/`), Buffer.of(0x94, 0x4c), Buffer.from('.txt')]),
      'う',
    );
    const corpus = openCorpus([folder.at('in')]);
    expect((await Array.fromAsync(corpus.documents())).map(({ text }) => text)).toEqual(['い', 'あ']);
    expect(corpus.passedOver).toEqual({
      leftOut: [
        { path: folder.at('in', '\\x94L.txt'), why: 'its name is not UTF-8' },
        { path: folder.at('in', 'gone.txt'), why: 'it is a link to something that is not there' },
        { path: folder.at('in', 'empty.md'), why: 'it is empty' },
      ],
      otherFormats: 2,
      hidden: 1,
    });
  });

  it('say why there is nothing to read', () => {
    using folder = temporaryFolder();
    mkdirSync(folder.at('in'));
    symlinkSync(folder.at('gone.txt'), folder.at('in', 'gone.txt'));
    expect(() => openCorpus([folder.at('in')])).toThrow(
      /no file that can be read \(.*gone\.txt: it is a link to something/,
    );
    expect(() => openCorpus([folder.at('in', 'gone.txt')])).toThrow(
      /gone\.txt is a link to .*gone\.txt, which cannot be reached\n/,
    );
    execFileSync('mkfifo', [folder.at('pipe.txt')]);
    expect(() => openCorpus([folder.at('pipe.txt')])).toThrow(/pipe\.txt is a pipe or a device.*\n.*into a file first/);
  });
});

describe('fields', () => {
  it.each([
    ['__proto__', '{"__proto__": "あ"}', 'あ'],
    ['constructor', '{"constructor": "あ"}', 'あ'],
    ['a.b', '{"a.b": "あ", "a": {"b": "い"}}', 'あ'],
    ['text', '\ufeff{"text": "あ"}\n\ufeff{"text": "い"}\n', 'あい'],
  ])('%s is a name like another', async (field, line, text) => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.jsonl'), line);
    expect((await texts(folder.at('a.jsonl'), { field })).join('')).toBe(text);
  });

  it.each(['__proto__', 'constructor', 'toString', 'a.b', 'length'])(
    '%s is not found where it is not',
    async (field) => {
      using folder = temporaryFolder();
      writeFileSync(folder.at('a.jsonl'), '{"text": "あ", "a": {"b": "い"}}');
      await expect(texts(folder.at('a.jsonl'), { field })).rejects.toMatchObject({ code: 'missing-field' });
    },
  );
});
