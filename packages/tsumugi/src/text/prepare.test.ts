// From documents to shards: counts, duplicates, the held-out split, interruptions.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fault } from '../../../../tests/files.ts';
import { sha256 } from '../base/index.ts';
import { embeddedText } from './embedded.ts';
import { TOY_HASH, temporaryFolder, toyCorpus, toyDecode, toyEncoder } from './fixtures/toy.testing.ts';
import type { Split } from './manifest.ts';
import { type PrepareOptions, type PrepareProgress, prepare } from './prepare.ts';
import { TokenShards } from './shards.ts';
import { openCorpus } from './sources.ts';

const OPTIONS: PrepareOptions = { encoder: toyEncoder, tokenizerHash: TOY_HASH, seed: 1, heldOutFraction: 0.2 };
const many = Array.from({ length: 200 }, (_, i) => `文書その${i}です。`);

function textsOf(shards: TokenShards, split: Split): string[] {
  return Array.from(shards.documents(split), (document) => toyDecode(shards.documentTokens(document)));
}

async function prepared(texts: readonly string[], folder: string, options: Partial<PrepareOptions> = {}) {
  const result = await prepare(toyCorpus(texts), folder, { ...OPTIONS, ...options });
  return { ...result, shards: TokenShards.open(folder) };
}

describe('a split that would be empty', () => {
  const one = many.slice(0, 30);
  const orders = [one, one.toReversed(), [...one.slice(13), ...one.slice(0, 13)]];
  it.each([
    ['heldOut', 1e-12],
    ['train', 1 - 1e-12],
  ] as const)(
    '(%s) gets the one document whose number lies nearest, in whatever order they come',
    async (split, heldOutFraction) => {
      using folder = temporaryFolder();
      const found: string[] = [];
      for (const [i, texts] of orders.entries()) {
        using shards = (await prepared(texts, folder.at(String(i)), { heldOutFraction })).shards;
        expect(textsOf(shards, split)).toHaveLength(1);
        found.push(...textsOf(shards, split));
        const { documents, tokens, characters } = shards.manifest[split];
        expect([documents, tokens, characters]).toEqual([1, found[0]!.length, found[0]!.length - 1]);
      }
      expect(new Set(found).size).toBe(1);
    },
  );
});

it.each([
  [4, [1, 1, 1, 1, 1]],
  [5, [2, 2, 1]],
  [8, [2, 2, 1]],
  [9, [3, 2]],
  [99, [5]],
])('begins a new file once one holds %i tokens', async (shardTokens, expected) => {
  using folder = temporaryFolder();
  const texts = [...'あいうえお'].map((each) => each.repeat(3)); // four tokens each
  const { manifest } = await prepared(texts, folder.at('out'), { shardTokens, heldOutFraction: 0 });
  expect(manifest.shards.map(({ tokens }) => tokens / 4)).toEqual(expected);
});

describe('preparation', () => {
  it('writes every document once, after BOS, with newlines normalised and nothing else changed', async () => {
    using folder = temporaryFolder();
    const texts = ['一\r\n二\r三', '  spaces\t \u3000 kept ', '🍣ﾊﾝｶｸ①', '', ' \n\u3000', '一\n二\n三', '壊\ud800'];
    const { manifest, shards } = await prepared(texts, folder.at('out'));
    const all = [...textsOf(shards, 'train'), ...textsOf(shards, 'heldOut')].sort();
    expect(all).toEqual(['^一\n二\n三', '^  spaces\t \u3000 kept ', '^🍣ﾊﾝｶｸ①', '^壊\ufffd'].sort());
    expect(manifest).toMatchObject({ duplicates: 1, empty: 2 });
    const sum = (key: 'documents' | 'characters' | 'bytes' | 'tokens') => manifest.train[key] + manifest.heldOut[key];
    const characters = all.reduce((total, text) => total + [...text].length - 1, 0);
    expect(sum('documents')).toBe(4);
    expect(sum('characters')).toBe(characters);
    expect(sum('tokens')).toBe(characters + 4);
    expect(sum('bytes')).toBe(all.reduce((total, text) => total + Buffer.byteLength(text) - 1, 0));
  });

  it('tokenizes control pieces as text and asks for no BOS of the encoder', async () => {
    using folder = temporaryFolder();
    const asked: unknown[] = [];
    const encoder = {
      ...toyEncoder,
      encode(text: string, how?: object) {
        asked.push(how);
        return toyEncoder.encode(text);
      },
    };
    await prepared(['a'], folder.at('out'), { encoder });
    expect(asked).toEqual([{ addBos: false, safe: true }]);
  });

  it('holds out whole documents: disjoint, about the fraction, decided by seed and content alone', async () => {
    using folder = temporaryFolder();
    const { shards } = await prepared(many, folder.at('a'));
    const heldOut = textsOf(shards, 'heldOut');
    expect(heldOut.length).toBeGreaterThan(20);
    expect(heldOut.length).toBeLessThan(60);
    const train = new Set(textsOf(shards, 'train'));
    expect(train.size + heldOut.length).toBe(200);
    for (const text of heldOut) expect(train).not.toContain(text);

    // Other documents come and go; order changes: a document keeps its side.
    const other = await prepared(['新しい文書', ...many.slice(50).reverse()], folder.at('b'));
    const otherHeldOut = new Set(textsOf(other.shards, 'heldOut'));
    for (const text of textsOf(other.shards, 'train')) expect(heldOut).not.toContain(text);
    expect(heldOut.filter((text) => otherHeldOut.has(text)).length).toBeGreaterThan(15);

    const reseeded = await prepared(many, folder.at('c'), { seed: 2 });
    expect(textsOf(reseeded.shards, 'heldOut')).not.toEqual(heldOut);
  });

  it('leaves neither side empty when there are two documents, and holds out none of one or at fraction 0', async () => {
    using folder = temporaryFolder();
    for (const [i, heldOutFraction] of [0.000001, 0.999999].entries()) {
      const { manifest, shards } = await prepared(['あ', 'いい'], folder.at(`two${i}`), { heldOutFraction });
      expect([manifest.train.documents, manifest.heldOut.documents]).toEqual([1, 1]);
      expect(textsOf(shards, 'train')[0]!.length - 1).toBe(manifest.train.characters);
    }
    const one = await prepared(['あ'], folder.at('one'), { heldOutFraction: 0.000001 });
    expect(one.manifest.heldOut.documents).toBe(0);
    const none = await prepared(many, folder.at('none'), { heldOutFraction: 0 });
    expect(none.manifest.heldOut.documents).toBe(0);
    await expect(prepared(many, folder.at('bad'), { heldOutFraction: 1 })).rejects.toMatchObject({
      code: 'held-out-fraction',
    });
  });

  it('begins new files between documents, never inside one', async () => {
    using folder = temporaryFolder();
    const { manifest, shards } = await prepared(many, folder.at('out'), { shardTokens: 100 });
    expect(manifest.shards.length).toBeGreaterThan(10);
    const small = [...textsOf(shards, 'train'), ...textsOf(shards, 'heldOut')].sort();
    const whole = await prepared(many, folder.at('whole'));
    expect(whole.manifest.shards.length).toBe(1);
    expect(small).toEqual([...textsOf(whole.shards, 'train'), ...textsOf(whole.shards, 'heldOut')].sort());
  });

  it('finds what is there, and refuses what was prepared otherwise, with both named', async () => {
    using folder = temporaryFolder();
    const out = folder.at('out');
    const first = await prepared(many, out);
    expect(first).toMatchObject({ reused: false, damage: undefined });
    expect(await prepared(many, out)).toMatchObject({ reused: true, manifest: first.manifest });
    const whole = readFileSync(folder.at('out', 'manifest.json'), 'utf8');
    const refused = async (texts: readonly string[], change: object, message: string) => {
      const error = await prepared(texts, out, change).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'other-data', fields: { differences: [message] } });
    };
    await refused(many, { seed: 5 }, 'seed 1 → 5');
    await refused(many, { heldOutFraction: 0.1 }, 'held-out share 0.2 → 0.1');
    await refused(many, { shardTokens: 50 }, 'tokens of a shard 67108864 → 50');
    const hashes = ['aaaaaaaaaaaa…', 'bbbbbbbbbbbb…'].map((hash) => `SHA-256 ${hash}`);
    await refused(many, { tokenizerHash: 'b'.repeat(64) }, `tokenizer ${hashes.join(' → ')}`);
    await refused(many, { encoder: { ...toyEncoder, vocabSize: 0x110004 } }, 'vocabulary size 1114115 → 1114116');
    await refused(many, { encoder: { ...toyEncoder, bosId: 2 } }, 'BOS 1 → 2');
    const text = (texts: readonly string[]) => `memory (text, SHA-256 ${sha256(texts.join('|')).slice(0, 12)}…)`;
    await refused(many.slice(1), {}, `text ${text(many)} → ${text(many.slice(1))}`);
    expect(readFileSync(folder.at('out', 'manifest.json'), 'utf8')).toBe(whole);
    expect(await prepared(many, out)).toMatchObject({ reused: true });
  });

  it('tells apart how files are read: format, packing, field, encoding, length', async () => {
    using folder = temporaryFolder();
    const bytes = readFileSync(fault('text/novel.jsonl'));
    for (const name of ['novel.txt', 'novel.jsonl']) writeFileSync(folder.at(name), bytes);
    const prepareFile = (name: string | string[], options = {}, out = 'out') =>
      prepare(
        openCorpus(
          [name].flat().map((each) => folder.at(each)),
          options,
        ),
        folder.at(out),
        {
          encoder: toyEncoder,
          tokenizerHash: TOY_HASH,
          seed: 0,
        },
      );
    const { manifest } = await prepareFile('novel.txt');
    await expect(prepareFile('novel.jsonl')).rejects.toThrow(
      /prepared otherwise: text .*novel\.txt \(text, SHA-256 .*\) → .*novel\.jsonl \(jsonl, SHA-256 .*\)/,
    );
    expect((await prepareFile('novel.jsonl', {}, 'lines')).manifest.fingerprint).not.toBe(manifest.fingerprint);
    await expect(prepareFile('novel.txt', { field: 'body' })).rejects.toThrow(/field text → body/);
    await expect(prepareFile('novel.txt', { encoding: 'utf-8' })).rejects.toThrow(/encoding detected → utf-8/);
    await expect(prepareFile('novel.txt', { documentCharacters: 100 })).rejects.toThrow(/documentCharacters \d+ → 100/);
    await expect(prepareFile(['novel.txt', 'novel.jsonl'])).rejects.toThrow(
      /text unset → .*jsonl.*, number of files 1 → 2/,
    );
    // The same bytes, packed by name or not at all.
    const packed = gzipSync(bytes);
    writeFileSync(folder.at('novel.txt.gz'), packed);
    const { manifest: unpacked } = await prepareFile('novel.txt.gz', {}, 'packed');
    expect(unpacked.sources[0]).toMatchObject({ sha256: sha256(packed), read: 'text.gz' });
    // Moved or renamed, it is the same.
    renameSync(folder.at('novel.txt'), folder.at('moved.md'));
    expect(await prepareFile('moved.md')).toMatchObject({ reused: true });
  });

  it('finds a changed byte in any file, names it, and makes the shards anew', async () => {
    using folder = temporaryFolder();
    const out = folder.at('out');
    const { manifest } = await prepared(many, out, { shardTokens: 50 });
    const whole = readFileSync(folder.at('out', 'tokens-00001.bin'));
    for (const name of ['tokens-00000.bin', 'tokens-00001.bin', 'documents.bin']) {
      const { atime, mtime } = statSync(folder.at('out', name));
      const bytes = readFileSync(folder.at('out', name));
      bytes[3]! ^= 1;
      writeFileSync(folder.at('out', name), bytes);
      utimesSync(folder.at('out', name), atime, mtime);
      const again = await prepared(many, out, { shardTokens: 50 });
      expect(again).toMatchObject({ reused: false, damage: expect.stringContaining(`${name} `), manifest });
      expect(again.damage).toContain('SHA-256 differs');
    }
    expect(readFileSync(folder.at('out', 'tokens-00001.bin'))).toEqual(whole);
    writeFileSync(folder.at('out', 'tokens-00000.bin'), 'cut off');
    expect((await prepared(many, out, { shardTokens: 50 })).damage).toMatch(/should hold \d+ bytes but holds 7/);
    rmSync(folder.at('out', 'tokens-00000.bin'));
    expect((await prepared(many, out, { shardTokens: 50 })).damage).toMatch(/is missing/);
    // A manifest that was edited is none of ours: its folder is not touched.
    const edited = { ...manifest, seed: 7 };
    writeFileSync(folder.at('out', 'manifest.json'), JSON.stringify(edited));
    expect(() => TokenShards.open(out)).toThrow(/its fingerprint is not that of what it says/);
    await expect(prepared(many, out, { shardTokens: 50 })).rejects.toMatchObject({ code: 'place-taken' });
  });

  it('refuses text that changes while it is read', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.at('a.txt'), 'one');
    const corpus = openCorpus([folder.at('a.txt')]);
    const encoder = {
      ...toyEncoder,
      encode(text: string) {
        writeFileSync(folder.at('a.txt'), 'two');
        return toyEncoder.encode(text);
      },
    };
    const preparing = prepare(corpus, folder.at('out'), { encoder, tokenizerHash: TOY_HASH, seed: 0 });
    await expect(preparing).rejects.toMatchObject({ code: 'input-changed' });
    expect(existsSync(folder.at('out'))).toBe(false);
  });

  it('is the same for the same input, byte for byte', async () => {
    using folder = temporaryFolder();
    await prepared(many, folder.at('a'));
    await prepared(many, folder.at('b'));
    for (const name of readdirSync(folder.at('a'))) {
      expect(readFileSync(folder.at('a', name))).toEqual(readFileSync(folder.at('b', name)));
    }
  });

  it('leaves nothing behind when it fails, and touches no folder of others', async () => {
    using folder = temporaryFolder();
    await expect(prepared(['', '  '], folder.at('out'))).rejects.toThrow(
      /no text to learn from: all 2 documents are empty/,
    );
    await expect(prepared([], folder.at('out'))).rejects.toMatchObject({ code: 'empty-text' });
    let calls = 0;
    const encoder = {
      ...toyEncoder,
      encode(text: string) {
        if (++calls === 100) throw new Error('killed');
        return toyEncoder.encode(text);
      },
    };
    await expect(prepared(many, folder.at('out'), { encoder })).rejects.toThrow('killed');
    expect(readdirSync(folder.path)).toEqual([]);
    mkdirSync(folder.at('mine'));
    writeFileSync(folder.at('mine', 'thesis.txt'), 'x');
    await expect(prepared(many, folder.at('mine'))).rejects.toMatchObject({ code: 'place-taken' });
    expect(existsSync(folder.at('mine', 'thesis.txt'))).toBe(true);
  });

  it('prepares the embedded novels, with counts and progress', async () => {
    using folder = temporaryFolder();
    const progress: PrepareProgress[] = [];
    const { manifest } = await prepare(openCorpus(embeddedText()), folder.at('out'), {
      ...OPTIONS,
      heldOutFraction: 0.05,
      onProgress: (now) => progress.push(now),
    });
    expect(manifest.train.characters + manifest.heldOut.characters).toBe(321_120 + 88_712);
    expect(manifest.train.bytes + manifest.heldOut.bytes).toBe(958_228 + 265_620);
    expect(manifest.heldOut.documents).toBeGreaterThan(1);
    expect(manifest.sources.map((source) => source.bytes)).toEqual([958_228, 265_620]);
    expect(progress.at(-1)).toMatchObject({
      characters: 321_120 + 88_712,
      bytesRead: 958_228 + 265_620,
      bytesTotal: 958_228 + 265_620,
    });
  });
});
