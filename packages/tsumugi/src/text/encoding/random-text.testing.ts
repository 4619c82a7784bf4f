// For tests: random Japanese text of several kinds, and its bytes in every encoding that is detected.
import { RandomStream } from '../../base/index.ts';
import { jis0208Table, jis0212Table, shiftJisTable } from './code-tables.ts';

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => String.fromCharCode(first + i));
const inTable = (table: Uint16Array, first: number, last: number) =>
  Array.from(table.subarray(first, last + 1))
    .filter((unit) => unit !== 0)
    .map((unit) => String.fromCharCode(unit));

const hiragana = range(0x3041, 0x3093);
const katakana = [...range(0x30a1, 0x30f6), 'ー'];
const common = inTable(shiftJisTable(), 0x889f, 0x9872);
const rare = inTable(shiftJisTable(), 0x989f, 0xeaa4);
const symbols = inTable(shiftJisTable(), 0x8141, 0x81ac);
const halfWidth = range(0xff61, 0xff9f);
const ascii = range(0x20, 0x7e);
const marks = ['。', '、', '「', '」', '\n'];

/** What texts are drawn from: groups of characters with their weights. */
const kinds: Readonly<Record<string, readonly (readonly [readonly string[], number])[]>> = {
  sentences: [[hiragana, 10], [common, 6], [katakana, 2], [marks, 2], [rare, 0.1]],
  'with ASCII': [[hiragana, 6], [common, 4], [ascii, 6], [marks, 2]],
  hiragana: [[hiragana, 1]],
  katakana: [[katakana, 1]],
  kanji: [[common, 1]],
  'rare kanji': [[common, 1], [rare, 1]],
  'half-width kana': [[halfWidth, 12], [[' ', '\n'], 1]],
  mixed: [[hiragana, 1], [katakana, 1], [common, 1], [rare, 1], [symbols, 1], [halfWidth, 1], [ascii, 1], [marks, 1]],
}; // biome-ignore format: a table

export const KINDS = Object.keys(kinds);

export function randomText(kind: string, length: number, stream: RandomStream): string {
  const groups = kinds[kind]!;
  const total = groups.reduce((sum, [, weight]) => sum + weight, 0);
  let text = '';
  while (text.length < length) {
    let draw = total * stream.next();
    let group = 0;
    while (group < groups.length - 1 && draw >= groups[group]![1]) draw -= groups[group++]![1];
    const [characters] = groups[group]!;
    text += characters[Math.floor(characters.length * stream.next())];
  }
  return text;
}

type Encode = (text: string) => Buffer | undefined;

function invert(table: Uint16Array): Map<string, number> {
  const codes = new Map<string, number>();
  table.forEach((unit, code) => {
    if (unit !== 0 && !codes.has(String.fromCharCode(unit))) codes.set(String.fromCharCode(unit), code);
  });
  return codes;
}

/** By a table of codes; undefined when a character is not in it. */
function byTable(codeOf: (character: string) => number[] | undefined): Encode {
  return (text) => {
    const bytes: number[] = [];
    for (const character of text) {
      const code = character.charCodeAt(0) < 0x80 ? [character.charCodeAt(0)] : codeOf(character);
      if (!code) return undefined;
      bytes.push(...code);
    }
    return Buffer.from(bytes);
  };
}

const [sjis, plain, supplementary] = [shiftJisTable(), jis0208Table(), jis0212Table()].map(invert);
const pair = (code: number | undefined) => (code === undefined ? undefined : [code >> 8, code & 0xff]);
const isHalfWidth = (character: string) => character >= '\uff61' && character <= '\uff9f';

function iso2022Jp(text: string): Buffer | undefined {
  const parts: Buffer[] = [];
  let shifted = false;
  for (const character of text) {
    const code = plain!.get(character);
    if (code === undefined && character.charCodeAt(0) >= 0x80) return undefined;
    if (shifted !== (code !== undefined)) parts.push(Buffer.from(code === undefined ? '\x1b(B' : '\x1b$B'));
    shifted = code !== undefined;
    parts.push(code === undefined ? Buffer.from(character) : Buffer.of((code >> 8) & 0x7f, code & 0x7f));
  }
  return Buffer.concat([...parts, Buffer.from(shifted ? '\x1b(B' : '')]);
}

function utf32(text: string, bigEndian: boolean): Buffer {
  const bytes = Buffer.alloc(4 * [...text].length);
  [...text].forEach((character, i) => {
    if (bigEndian) bytes.writeUInt32BE(character.codePointAt(0)!, 4 * i);
    else bytes.writeUInt32LE(character.codePointAt(0)!, 4 * i);
  });
  return bytes;
}

export const ENCODERS: Readonly<Record<string, Encode>> = {
  'utf-8': (text) => Buffer.from(text),
  'utf-8-sig': (text) => Buffer.from(`\ufeff${text}`),
  'utf-16': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'utf-16be with a mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
  'utf-16le': (text) => Buffer.from(text, 'utf16le'),
  'utf-16be': (text) => Buffer.from(text, 'utf16le').swap16(),
  'utf-32': (text) => utf32(`\ufeff${text}`, false),
  'utf-32be with a mark': (text) => utf32(`\ufeff${text}`, true),
  'utf-32le': (text) => utf32(text, false),
  cp932: byTable((character) =>
    isHalfWidth(character) ? [character.charCodeAt(0) - 0xff61 + 0xa1] : pair(sjis!.get(character)),
  ),
  euc_jp: byTable((character) => {
    if (isHalfWidth(character)) return [0x8e, character.charCodeAt(0) - 0xff61 + 0xa1];
    const code = plain!.get(character);
    if (code !== undefined) return pair(code);
    const other = supplementary!.get(character);
    return other === undefined ? undefined : [0x8f, ...pair(other)!];
  }),
  iso2022_jp: iso2022Jp,
};

/** A length from 3 to 2000, short ones as often as long ones. */
export function randomLength(stream: RandomStream): number {
  return Math.round(3 * (2000 / 3) ** stream.next());
}

export const streamOf = (seed: number) => new RandomStream(seed);
