// Where long texts are cut into documents.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { embeddedText } from './embedded.ts';
import { splitText } from './split.ts';

async function pieces(text: string, size: number, chunkSize = 50): Promise<string[]> {
  async function* chunks() {
    for (let at = 0; at < text.length; at += chunkSize) yield text.slice(at, at + chunkSize);
  }
  return Array.fromAsync(splitText('memory.txt', chunks(), size));
}

describe('splitting long texts', () => {
  it('keeps a text of up to one and a half sizes whole', async () => {
    expect(await pieces('あ'.repeat(150), 100)).toEqual(['あ'.repeat(150)]);
    expect(await pieces('あ'.repeat(5000), Number.POSITIVE_INFINITY)).toHaveLength(1);
    expect(await pieces('', 100)).toEqual([]);
  });

  it('loses nothing, in whatever chunks the text comes, and keeps to its sizes', async () => {
    const novel = readFileSync(embeddedText()[1]!, 'utf8').slice(0, 30_000);
    const whole = await pieces(novel, 1000, 1 << 20);
    expect(whole.join('')).toBe(novel);
    for (const piece of whole.slice(0, -1)) {
      expect(piece.length).toBeGreaterThanOrEqual(500);
      expect(piece.length).toBeLessThanOrEqual(1000);
    }
    expect(whole.at(-1)!.length).toBeLessThanOrEqual(1500);
    expect(await pieces(novel, 1000, 37)).toEqual(whole);
  });

  it('cuts before a heading rather than at a blank line, there rather than at a line end, there rather than in a line', async () => {
    const line = `${'あ'.repeat(9)}\n`;
    const filler = line.repeat(20);
    const cutAfter = async (middle: string) => (await pieces(`${line.repeat(6)}${middle}${filler}`, 100))[0];
    expect(await cutAfter(`x\n二\n${line}\n`)).toBe(`${line.repeat(6)}x\n`);
    expect(await cutAfter(`x\n## 題\n${line}\n`)).toBe(`${line.repeat(6)}x\n`);
    expect(await cutAfter(`x\n第十二章 旅\n${line}\n`)).toBe(`${line.repeat(6)}x\n`);
    // A heading too far on is left to the next piece.
    expect((await pieces(`${line.repeat(10)}x\n二\n${filler}`, 100))[0]).toBe(line.repeat(10));
    expect(await cutAfter(`x\n\n${line}`)).toBe(`${line.repeat(6)}x\n\n`);
    expect(await cutAfter('')).toBe(line.repeat(10));
    expect((await pieces(`${'い'.repeat(70)}。」${'あ'.repeat(200)}`, 100))[0]).toBe(`${'い'.repeat(70)}。」`);
    expect((await pieces('う'.repeat(300), 100))[0]).toHaveLength(100);
  });

  it('cuts no character in two', async () => {
    const parts = await pieces(`a${'🍣'.repeat(300)}`, 100);
    expect(parts.join('')).toBe(`a${'🍣'.repeat(300)}`);
    for (const part of parts) expect(part.isWellFormed()).toBe(true);
  });

  it('makes one newline of every kind, also of one cut by a chunk', async () => {
    for (const chunkSize of [1, 2, 3, 50])
      expect(await pieces('a\r\nb\rc\nd\r', 100, chunkSize)).toEqual(['a\nb\nc\nd\n']);
  });
});
