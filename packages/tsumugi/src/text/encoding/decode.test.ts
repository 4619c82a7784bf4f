// Encodings: detection, flags, malformed bytes.
import { describe, expect, it } from 'vitest';
import { bytesSource, encodeAs } from '../fixtures/toy.testing.ts';
import { decode, parseEncoding } from './decode.ts';
import { detectEncoding } from './detect.ts';
import type { ByteSource } from './survey.ts';

const TEXT = '吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。ABC 123\n';

async function read(source: ByteSource, encoding?: string): Promise<string> {
  return (await Array.fromAsync(decode(source, encoding))).join('');
}

function utf16(text: string, bigEndian: boolean, mark: boolean): Uint8Array {
  const bytes = Buffer.from((mark ? '\ufeff' : '') + text, 'utf16le');
  return bigEndian ? bytes.swap16() : bytes;
}

describe('detection', () => {
  const cases: [string, Uint8Array, string][] = [
    ['UTF-8', Buffer.from(TEXT), 'utf-8'],
    ['UTF-8 with a byte-order mark', Buffer.from(`\ufeff${TEXT}`), 'utf-8'],
    ['ASCII', Buffer.from('hello\n'), 'utf-8'],
    ['UTF-16 little-endian', utf16(TEXT, false, true), 'utf-16le'],
    ['UTF-16 big-endian', utf16(TEXT, true, true), 'utf-16be'],
    ['ISO-2022-JP', encodeAs(TEXT, 'iso-2022-jp'), 'iso-2022-jp'],
    ['EUC-JP', encodeAs(TEXT, 'euc-jp'), 'euc-jp'],
    ['Shift_JIS', encodeAs(TEXT, 'shift_jis'), 'shift_jis'],
    ['an empty file', new Uint8Array(), 'utf-8'],
  ];
  for (const [name, bytes, encoding] of cases) {
    // Chunks of 2 bytes are the fewest that hold a byte-order mark; 3 and 1000 put the cuts elsewhere.
    for (const chunkSize of [2, 3, 1000]) {
      it(`knows ${name} in chunks of ${chunkSize} bytes`, async () => {
        const source = bytesSource(bytes, chunkSize);
        expect(await detectEncoding(source)).toBe(encoding);
        const expected = new TextDecoder(encoding).decode(bytes);
        expect(await read(source)).toBe(expected);
        if (bytes.length > 10) expect([TEXT, 'hello\n']).toContain(expected);
      });
    }
  }

  it('takes published byte sequences for what they are', async () => {
    // 日本語 and かな in each encoding, from the code tables (JIS X 0208 rows 38, 60, 24, 4).
    const bytes = {
      'euc-jp': 'c6fccbdcb8eca4aba4ca',
      shift_jis: '93fa967b8cea82a982c8',
      'iso-2022-jp': '1b2442467c4b5c386c242b244a1b2842',
    };
    for (const [encoding, hex] of Object.entries(bytes)) {
      const source = bytesSource(Buffer.from(hex, 'hex'));
      expect(await detectEncoding(source)).toBe(encoding);
      expect(await read(source)).toBe('日本語かな');
    }
  });

  it('reads the NEC and IBM extensions of CP932', async () => {
    const text = 'これは①とⅰと～－の例です';
    expect(await read(bytesSource(encodeAs(text, 'shift_jis')))).toBe(text);
  });

  it('keeps a U+FFFD that is really in the text', async () => {
    expect(await read(bytesSource(Buffer.from('壊れた文字\ufffdです')))).toBe('壊れた文字\ufffdです');
  });

  it('takes an escape character in a UTF-8 text for no ISO-2022-JP', async () => {
    const bytes = Buffer.from('\x1b$Bという並びがあってもUTF-8です');
    expect(await detectEncoding(bytesSource(bytes))).toBe('utf-8');
    expect(await detectEncoding(bytesSource(Buffer.from('price in \x1b$: 3')))).toBe('utf-8');
  });

  it('refuses bytes that are no text, naming the file and the flag', async () => {
    const noise = Uint8Array.from({ length: 200 }, (_, i) => 0x80 + ((i * 89) % 0x80));
    await expect(detectEncoding(bytesSource(noise))).rejects.toMatchObject({ code: 'undetected-encoding' });
    await expect(detectEncoding(bytesSource(noise))).rejects.toThrow(/memory\.txt.*\n.*--encoding/);
    await expect(detectEncoding(bytesSource(utf16('hello', false, false)))).rejects.toMatchObject({
      code: 'binary-text',
    });
  });

  it('calls UTF-8 with a few bad bytes damaged instead of guessing', async () => {
    const bytes = Buffer.concat([Buffer.from(TEXT.repeat(3)), Uint8Array.of(0xff), Buffer.from(TEXT)]);
    await expect(detectEncoding(bytesSource(bytes))).rejects.toMatchObject({
      code: 'damaged-utf-8',
      fields: { line: 7 },
    });
    // The remedy works: the byte becomes U+FFFD.
    expect(await read(bytesSource(bytes), 'utf-8')).toBe(`${TEXT.repeat(3)}\ufffd${TEXT}`);
  });
});

describe('an encoding by name', () => {
  it('knows the usual names', () => {
    for (const name of ['SJIS', 'Shift-JIS', 'cp932', 'windows-31j', 'MS932'])
      expect(parseEncoding(name)).toBe('shift_jis');
    expect(parseEncoding('EUCJP')).toBe('euc-jp');
    expect(parseEncoding('utf8')).toBe('utf-8');
    expect(parseEncoding('gbk')).toBe('gbk');
    expect(() => parseEncoding('utf-9')).toThrow(/"utf-9".*"utf-8"/s);
  });

  it('decodes what detection would not dare', async () => {
    const kanjiOnly = encodeAs('日本国憲法', 'shift_jis');
    expect(await read(bytesSource(kanjiOnly), 'cp932')).toBe('日本国憲法');
    expect(await read(bytesSource(utf16('hello', false, false)), 'utf-16le')).toBe('hello');
  });

  it('refuses the wrong one', async () => {
    await expect(read(bytesSource(encodeAs(TEXT, 'shift_jis')), 'utf-8')).rejects.toMatchObject({
      code: 'wrong-encoding',
    });
  });
});
