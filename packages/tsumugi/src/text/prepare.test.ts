// From documents to shards: counts, duplicates, the held-out split, interruptions.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { embeddedText } from './embedded.ts';
import { TOY_HASH, temporaryFolder, toyCorpus, toyDecode, toyEncoder } from './fixtures/toy.ts';
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

  it('reuses what is there, and prepares again when anything differs', async () => {
    using folder = temporaryFolder();
    const out = folder.at('out');
    const first = await prepared(many, out);
    expect(first.reused).toBe(false);
    expect(await prepared(many, out)).toMatchObject({ reused: true, manifest: first.manifest });
    for (const change of [
      { seed: 5 },
      { heldOutFraction: 0.1 },
      { tokenizerHash: 'b'.repeat(64) },
      { shardTokens: 50 },
    ]) {
      expect((await prepared(many, out, change)).reused).toBe(false);
    }
    expect((await prepared(many.slice(1), out)).reused).toBe(false);
    writeFileSync(folder.at('out', 'tokens-00000.bin'), 'cut off');
    expect((await prepared(many.slice(1), out)).reused).toBe(false);
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
