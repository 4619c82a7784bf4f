// Sets of characters: ranges of code points, as classes of a grammar, as they are or as JSON strings spell them.
import { escaped } from './ebnf.ts';

/** Sorted, apart from each other. */
export type CharacterSet = readonly (readonly [first: number, last: number])[];

const LAST = 0x10ffff;
/** Halves of surrogate pairs are no characters, and UTF-8 has none of them. */
const everything: CharacterSet = [
  [0, 0xd7ff],
  [0xe000, LAST],
];

export const single = (character: string): CharacterSet => {
  const code = character.codePointAt(0)!;
  return [[code, code]];
};

export function union(sets: readonly CharacterSet[]): CharacterSet {
  const merged: [number, number][] = [];
  for (const [first, last] of sets.flat().sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export const without = (set: CharacterSet, taken: CharacterSet): CharacterSet => intersect(set, complement(taken));

export function complement(set: CharacterSet): CharacterSet {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [first, last] of union([set])) {
    if (first > next) gaps.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST) gaps.push([next, LAST]);
  return intersect(gaps, everything);
}

function intersect(a: CharacterSet, b: CharacterSet): CharacterSet {
  return union([
    a.flatMap(([first, last]) =>
      b.flatMap(([from, to]): [number, number][] =>
        Math.max(first, from) <= Math.min(last, to) ? [[Math.max(first, from), Math.min(last, to)]] : [],
      ),
    ),
  ]);
}

/**
 * Alternatives of a grammar for one character; none for no character at all. XGrammar's classes are of bytes, whatever they look like
 * (0.1.27 takes code points modulo 256), so that what lies beyond ASCII is spelled in the bytes of its UTF-8. Only what is excluded from all
 * characters is otherwise, as long as it is ASCII: with it masks are computed ten times faster.
 */
export function spell(set: CharacterSet): string[] {
  const usable = intersect(set, everything);
  const ascii = intersect(usable, [[0, 0x7f]]);
  const beyond = intersect(usable, [[0x80, LAST]]);
  const spelled = ascii.length > 0 ? [byteClass(ascii)] : [];
  if (JSON.stringify(beyond) === JSON.stringify(intersect(everything, [[0x80, LAST]]))) {
    const excluded = without([[0, 0x7f]], ascii);
    return excluded.length > 0 ? [`[^${byteClass(excluded).slice(1)}`] : [...spelled, '[^\\u0000-\\u007f]'];
  }
  const others = beyond.flatMap(([first, last]) => sequences(first, last));
  return [...spelled, ...others.map((bytes) => bytes.map((each) => byteClass([each])).join(' '))];
}

/** A byte alone stands twice: one element would be read as a text, of the character with that number. */
const byteClass = (bytes: CharacterSet): string => {
  const code = (byte: number) => escaped(String.fromCodePoint(byte));
  const one = (byte: number) => (byte < 0x80 ? code(byte) : code(byte) + code(byte));
  return `[${bytes.map(([first, last]) => (first === last ? one(first) : `${code(first)}-${code(last)}`)).join('')}]`;
};

type Bytes = (readonly [first: number, last: number])[];

/** The UTF-8 of a range of characters beyond ASCII, as sequences of ranges of bytes. */
function sequences(first: number, last: number): Bytes[] {
  for (const border of [0x7ff, 0xffff])
    if (first <= border && last > border) return [...sequences(first, border), ...sequences(border + 1, last)];
  const [low, high] = [first, last].map((code) => new TextEncoder().encode(String.fromCodePoint(code))) as [
    Uint8Array,
    Uint8Array,
  ];
  // A range whose last bytes are not all of them is cut where they are.
  for (let i = 1; i < low.length; i++) {
    const mask = (1 << (6 * i)) - 1;
    if ((first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0) return [...sequences(first, first | mask), ...sequences((first | mask) + 1, last)];
    if ((last & mask) !== mask) return [...sequences(first, (last & ~mask) - 1), ...sequences(last & ~mask, last)];
  }
  return [Array.from(low, (byte, i) => [byte, high[i]!] as const)];
}

/** How JSON strings write what they may not have as it is. Each character has one spelling: `\/` and `\u` are not used. */
const spellings: readonly (readonly [character: string, letter: string])[] = [
  ['"', '"'],
  ['\\', '\\'],
  ['\b', 'b'],
  ['\f', 'f'],
  ['\n', 'n'],
  ['\r', 'r'],
  ['\t', 't'],
];
const special: CharacterSet = union([[[0, 0x1f]], single('"'), single('\\')]);

/** The characters that a JSON string can have. */
export const inJson: CharacterSet = union([complement(special), ...spellings.map(([character]) => single(character))]);

/** Alternatives for one character of a JSON string; none for what it cannot have. */
export function spellInJson(set: CharacterSet): string[] {
  const letters = spellings.filter(([character]) => intersect(set, single(character)).length > 0);
  const spelled =
    letters.length > 0 ? [`${backslash} ${byteClass(union(letters.map(([, letter]) => single(letter))))}`] : [];
  return [...spell(without(set, special)), ...spelled];
}

const backslash = `"${escaped('\\')}"`;
