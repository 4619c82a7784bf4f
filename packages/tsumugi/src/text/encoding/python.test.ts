// Against Python's codecs: their tables, character by character, and files as they come, whose text Python wrote down. What
// is read is what Python reads, or it is refused.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { bytesSource } from '../fixtures/toy.testing.ts';
import { decode } from './decode.ts';
import { newDecoder } from './decoders.ts';

function lines<T>(name: string): T[] {
  const path = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

interface Case {
  name: string;
  hex: string;
  /** What Python's codec makes of it; null when it refuses. */
  text: string | null;
}

const tables = lines<[encoding: string, first: string, characters: string]>('python-codecs.jsonl');
const cases = lines<Case>('python-encodings.jsonl');

function decodeOne(encoding: string, bytes: Buffer): string {
  const decoder = newDecoder(encoding, () => {});
  return decoder.push(bytes) + decoder.end();
}

describe('code tables', () => {
  it.each(['shift_jis', 'euc-jp', 'iso-2022-jp'])('%s has every character that Python has', (encoding) => {
    let compared = 0;
    const source = encoding === 'iso-2022-jp' ? 'euc-jp' : encoding;
    for (const [name, first, characters] of tables) {
      if (name !== source || (encoding === 'iso-2022-jp' && first.length > 2)) continue;
      const start = name === 'shift_jis' ? 0x40 : 0xa1;
      for (let i = 0; i < characters.length; i++) {
        if (characters[i] === '\ufffd') continue;
        const bytes = Buffer.from(first + (start + i).toString(16), 'hex');
        const seven = Buffer.concat([Buffer.from('\x1b$B'), bytes.map((byte) => byte & 0x7f)]);
        const text = decodeOne(encoding, encoding === 'iso-2022-jp' ? seven : bytes);
        if (text !== characters[i]) expect([bytes.toString('hex'), text]).toEqual([first, characters[i]]);
        compared++;
      }
    }
    expect(compared).toBe({ shift_jis: 9604, 'euc-jp': 12_946, 'iso-2022-jp': 6879 }[encoding]);
  });

  it('Shift_JIS leaves every byte of ASCII and of half-width kana what it is', () => {
    const ascii = Uint8Array.from({ length: 128 }, (_, byte) => byte);
    expect(decodeOne('shift_jis', Buffer.from(ascii))).toBe(String.fromCharCode(...ascii));
    const kana = Array.from({ length: 63 }, (_, k) => k);
    const bytes = Buffer.from(kana.map((k) => 0xa1 + k));
    expect(decodeOne('shift_jis', bytes)).toBe(kana.map((k) => String.fromCharCode(0xff61 + k)).join(''));
  });
});

/** The text, or the error. */
async function read(bytes: Buffer, chunkSize: number): Promise<string | UserError> {
  try {
    return (await Array.fromAsync(decode(bytesSource(bytes, chunkSize)))).join('');
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

describe('files', () => {
  it.each(cases)('$name', async ({ hex, text }) => {
    const bytes = Buffer.from(hex, 'hex');
    for (const chunkSize of [2, 3, 1000]) {
      const found = await read(bytes, chunkSize);
      if (typeof found !== 'string') {
        expect(found.message).toContain('memory.txt');
        expect(found.message).toMatch(/--encoding [a-z]/);
      } else expect(found).toBe(text ?? '(refused)');
    }
  });
});
