// How many bits it takes to write a text down, by a crude model of Japanese and Latin text: what one encoding makes of some
// bytes is weighed against what another makes of them. Each distinct line counts once, so that repeating a line proves nothing.
//
// A character costs −log2 of its class's share of text, spread over the class's size; less inside a run of its class, more
// where scripts meet that seldom do. The numbers are rounded guesses; the tests show that they suffice.
import { shiftJisTable } from './code-tables.ts';

export interface Plausibility {
  bits: number;
  /** Of them, those of characters beyond ASCII. */
  beyondAscii: number;
  /** What is added before this reading is taken: odd things, which do not rule out that another reading is wrong. */
  doubt: number;
}

const classes = [
  'control',
  'space',
  'lower',
  'other ASCII',
  'hiragana',
  'katakana',
  'punctuation',
  'kanji',
  'rare kanji',
  'half-width kana',
  'full-width ASCII',
  'Latin',
  'alphabet',
  'Hangul',
  'symbol',
  'unlikely',
  'never',
] as const;
type Class = (typeof classes)[number];

/** Bits of a character, after one of another class and after one of its own. */
const COSTS: Readonly<Record<Class, readonly [first: number, next: number]>> = {
  control: [30, 30],
  space: [4, 4],
  lower: [7, 4.7],
  'other ASCII': [9, 8],
  hiragana: [7.5, 6.5],
  katakana: [10, 7.5],
  punctuation: [7, 9],
  kanji: [13, 12.5],
  'rare kanji': [14, 13.5],
  'half-width kana': [14, 6.5],
  'full-width ASCII': [12, 8.5],
  Latin: [17, 17],
  alphabet: [15, 9],
  Hangul: [17, 16],
  symbol: [16, 15],
  unlikely: [24, 23],
  never: [40, 40],
};
/** What the reading that is taken bears besides, for a rare kanji and for a voicing mark on nothing. */
const RARE = 5;
const UNSOUND = 15;
/** And for a letter such as ģ. */
const FOREIGN = 10;
/** Of an accented letter beside a letter of ASCII: café. */
const ACCENT = 9;

const HALF_WIDTH = classes.indexOf('half-width kana');

/** Whether a half-width kana may stand behind `before`: a voicing mark only where there is something to voice. */
function isSound(before: number, unit: number): boolean {
  const onHa = before >= 0xff8a && before <= 0xff8e;
  if (unit === 0xff9f) return onHa;
  return unit !== 0xff9e || onHa || before === 0xff73 || (before >= 0xff76 && before <= 0xff84);
}

let table: Uint8Array | undefined;

/** The class of each UTF-16 unit. */
function classTable(): Uint8Array {
  if (table) return table;
  const units = new Uint8Array(0x10000).fill(classes.indexOf('unlikely'));
  const set = (name: Class, first: number, last = first) => units.fill(classes.indexOf(name), first, last + 1);
  const unitOf = shiftJisTable();
  for (let code = 0x8140; code <= 0xfc4b; code++) {
    const unit = unitOf[code]!;
    // From the end of the symbols to the end of the first level, and of the second.
    if (unit) set(code < 0x889f ? 'symbol' : code <= 0x9872 ? 'kanji' : 'rare kanji', unit);
  }
  set('control', 0, 0x1f);
  set('control', 0x7f, 0xa0);
  set('other ASCII', 0x21, 0x7e);
  set('lower', 0x61, 0x7a);
  for (const space of [0x09, 0x0a, 0x0d, 0x20, 0x3000]) set('space', space);
  set('symbol', 0xa1, 0xbf);
  set('Latin', 0xc0, 0x24f);
  set('alphabet', 0x370, 0x5ff);
  set('alphabet', 0x600, 0x6ff);
  set('alphabet', 0xe00, 0xe7f);
  set('Hangul', 0xac00, 0xd7a3);
  set('symbol', 0x2010, 0x2027);
  set('hiragana', 0x3041, 0x3094);
  set('katakana', 0x30a1, 0x30f6);
  set('katakana', 0x30fc);
  for (const mark of [
    0x3001, 0x3002, 0x300c, 0x300d, 0x300e, 0x300f, 0x30fb, 0xff01, 0xff08, 0xff09, 0xff0c, 0xff0e, 0xff1f,
  ])
    set('punctuation', mark);
  for (const [first, last] of [
    [0xff10, 0xff19],
    [0xff21, 0xff3a],
    [0xff41, 0xff5a],
  ] as const)
    set('full-width ASCII', first, last);
  set('half-width kana', 0xff61, 0xff9f);
  set('never', 0xe000, 0xf8ff);
  set('never', 0xfff0, 0xffff);
  set('unlikely', 0xd800, 0xdfff);
  table = units;
  return units;
}

function lineBits(line: string): Plausibility {
  const table = classTable();
  let [bits, beyondAscii, doubt] = [0, 0, 0];
  let before = -1;
  for (let i = 0; i < line.length; i++) {
    const each = table[line.charCodeAt(i)]!;
    const name = classes[each]!;
    const besideLetter = before === 2 || before === 3 || (i + 1 < line.length && table[line.charCodeAt(i + 1)] === 2);
    const own = name === 'Latin' && besideLetter ? ACCENT : COSTS[name][each === before ? 1 : 0];
    bits += own;
    if (line.charCodeAt(i) > 0x7f) beyondAscii += own;
    // Kanji right behind a small letter of another script: caf奪.
    if (before === 2 && (name === 'kanji' || name === 'rare kanji' || name === 'half-width kana')) bits += 8;
    if (each === HALF_WIDTH && !isSound(line.charCodeAt(i - 1), line.charCodeAt(i))) doubt += UNSOUND;
    if (name === 'rare kanji') doubt += RARE;
    if (name === 'Latin' && line.charCodeAt(i) > 0xff) doubt += FOREIGN;
    before = each;
  }
  return { bits, beyondAscii, doubt };
}

/** Bits for the distinct lines of `text`. */
export function plausibility(text: string): Plausibility {
  let [bits, beyondAscii, doubt] = [0, 0, 0];
  for (const line of new Set(text.split('\n'))) {
    const each = lineBits(line);
    bits += each.bits;
    beyondAscii += each.beyondAscii;
    doubt += each.doubt;
  }
  return { bits, beyondAscii, doubt };
}
