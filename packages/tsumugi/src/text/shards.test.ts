// Reading shards, and noticing damaged ones.
import { appendFileSync, copyFileSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TOY_HASH, temporaryFolder, toyCorpus, toyDecode, toyEncoder } from './fixtures/toy.testing.ts';
import { type PrepareOptions, prepare } from './prepare.ts';
import { TokenShards } from './shards.ts';

const texts = Array.from({ length: 50 }, (_, i) => `文書その${i}です。`);

async function shardFolder(changes: Partial<PrepareOptions> = {}, content = texts) {
  const folder = temporaryFolder();
  const options = { encoder: toyEncoder, tokenizerHash: TOY_HASH, seed: 1, shardTokens: 64, ...changes };
  await prepare(toyCorpus(content), folder.at('s'), options);
  return {
    path: folder.at('s'),
    at: (name: string) => folder.at('s', name),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('token shards', () => {
  it('give each document its tokens, characters and length, opening files on first use and closing them all', async () => {
    using folder = await shardFolder();
    const opened: string[] = [];
    let closed = 0;
    const map = (path: string) => {
      opened.push(path);
      const bytes = readFileSync(path);
      return { tokens: new Uint32Array(new Uint8Array(bytes).buffer), close: () => closed++ };
    };
    const shards = TokenShards.open(folder.path, { map });
    expect(opened).toEqual([]);
    expect(shards.length).toBe(50);
    expect(toyDecode(shards.documentTokens(0))).toBe(`^${texts[0]}`);
    expect(opened).toEqual([folder.at('tokens-00000.bin')]);
    for (let i = 0; i < 50; i++) {
      expect(toyDecode(shards.documentTokens(i))).toBe(`^${texts[i]}`);
      expect(shards.documentCharacters(i)).toBe(texts[i]!.length);
      expect(shards.documentLength(i)).toBe(texts[i]!.length + 1);
    }
    expect(opened.length).toBe(shards.manifest.shards.length);
    shards[Symbol.dispose]();
    expect(closed).toBe(opened.length);
  });

  it('verify their content', async () => {
    using folder = await shardFolder();
    using shards = TokenShards.open(folder.path);
    await shards.verify();
    const bytes = readFileSync(folder.at('tokens-00001.bin'));
    bytes[5]! ^= 1;
    writeFileSync(folder.at('tokens-00001.bin'), bytes);
    await expect(shards.verify()).rejects.toThrow(/tokens-00001.bin.*SHA-256 differs/);
  });

  it('are told apart by documents, split, tokens and tokenizer', async () => {
    const hashOf = async (...about: Parameters<typeof shardFolder>) => {
      using folder = await shardFolder(...about);
      using shards = TokenShards.open(folder.path);
      return await shards.verify();
    };
    const first = await hashOf();
    expect(await hashOf()).toBe(first);
    const others = [
      await hashOf({ seed: 2 }), // the same tokens, other documents held out
      await hashOf({ tokenizerHash: 'b'.repeat(64) }),
      await hashOf({ heldOutFraction: 0 }),
      // Other text of the same lengths, on the same side.
      await hashOf(
        { heldOutFraction: 0 },
        texts.map((text) => text.replace('文', '本')),
      ),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
  });

  it('refuse what is cut off, foreign, or made with another tokenizer', async () => {
    using empty = temporaryFolder();
    expect(() => TokenShards.open(empty.path)).toThrow(/not a folder of token shards/);
    expect(() => TokenShards.open(empty.at('missing'))).toThrow(/missing does not exist\n {2}→ Prepare the text first/);
    {
      using folder = await shardFolder();
      expect(() => TokenShards.open(folder.path, { tokenizerHash: 'b'.repeat(64) })).toThrow(/another tokenizer/);
      expect(TokenShards.open(folder.path, { tokenizerHash: TOY_HASH }).length).toBe(50);
      truncateSync(folder.at('tokens-00001.bin'), 8);
      expect(() => TokenShards.open(folder.path)).toThrow(/tokens-00001\.bin should hold \d+ bytes but holds 8/);
      unlinkSync(folder.at('tokens-00001.bin'));
      expect(() => TokenShards.open(folder.path)).toThrow(/but is missing/);
    }
    {
      using folder = await shardFolder();
      const bytes = readFileSync(folder.at('documents.bin'));
      bytes[0]! ^= 1;
      writeFileSync(folder.at('documents.bin'), bytes);
      expect(() => TokenShards.open(folder.path)).toThrow(
        /documents\.bin does not fit its manifest: its SHA-256 differs/,
      );
      appendFileSync(folder.at('documents.bin'), 'more');
      expect(() => TokenShards.open(folder.path)).toThrow(/should hold 600 bytes but holds 604/);
    }
    {
      using folder = await shardFolder();
      const manifest = JSON.parse(readFileSync(folder.at('manifest.json'), 'utf8'));
      const write = (changes: object) =>
        writeFileSync(folder.at('manifest.json'), JSON.stringify({ ...manifest, ...changes }));
      write({ train: { ...manifest.train, tokens: manifest.train.tokens + 1 } });
      expect(() => TokenShards.open(folder.path)).toThrow(/its sums differ/);
      write({ shards: [{ ...manifest.shards[0], file: '../../etc/passwd' }] });
      expect(() => TokenShards.open(folder.path)).toThrow(/"shards\.0\.file"/);
      write({ version: 2 });
      expect(() => TokenShards.open(folder.path)).toThrow(/"version"/);
      write({ surprise: 1 });
      expect(() => TokenShards.open(folder.path)).toThrow(/surprise/);
      copyFileSync(folder.at('documents.bin'), folder.at('manifest.json'));
      expect(() => TokenShards.open(folder.path)).toThrow(
        /manifest\.json is not valid JSON: .*\n {2}→ Prepare the text again/,
      );
    }
  });
});
