// Repetition: Gopher's rules (Rae et al. 2021, arXiv 2112.11446, table A1), carried over from words to characters.
import { checkCount, checkNumber, checkOptions } from '../../base/index.ts';
import { gramHashes } from '../grams.ts';
import { codePoints, normalized } from '../normalized.ts';
import { countCharacters, drop, type Filter, KEEP, percent } from './filter.ts';

/** Greatest shares, by the length of an n-gram in characters. */
export type SharesByLength = Readonly<Record<number, number>>;

/** The shares are Gopher's. Two characters stand for a word, and `top` wants three of a kind: our choice. */
export interface RepetitionOptions {
  /** The greatest share of lines that stood before: 0.3. */
  lines?: number;
  /** The greatest share of characters in such lines: 0.2. */
  lineCharacters?: number;
  /** The greatest share of characters in the most frequent n-gram: { 4: 0.2, 6: 0.18, 8: 0.16 }. */
  top?: SharesByLength;
  /** In n-grams that stood before: { 10: 0.15, 12: 0.14, 14: 0.13, 16: 0.12, 18: 0.11, 20: 0.1 }. */
  repeated?: SharesByLength;
}

/** Of the lines that are not empty, the share of those that stood before, and of the characters in them. */
export function repeatedLines(text: string): { lines: number; characters: number } {
  const seen = new Set<string>();
  let [lines, characters, all] = [0, 0, 0];
  const each = text.split('\n').map(normalized).filter(Boolean);
  for (const line of each) {
    const length = countCharacters(line);
    all += length;
    if (seen.has(line)) {
      lines++;
      characters += length;
    }
    seen.add(line);
  }
  return { lines: lines / Math.max(1, each.length), characters: characters / Math.max(1, all) };
}

/**
 * Of a text's characters, the share in the n-gram that is most frequent (n times how often it comes without
 * overlap, as …… does in itself; 0 if none comes three times: what comes twice is common in short texts),
 * and the share in n-grams that stood before, each character counted once.
 */
export function repeatedGrams(points: Uint32Array, n: number): { top: number; repeated: number } {
  if (points.length <= n) return { top: 0, repeated: 0 };
  const last = new Map<number, { count: number; end: number }>();
  let [most, repeated, covered] = [1, 0, 0];
  for (const [i, hash] of gramHashes(points, n).entries()) {
    const before = last.get(hash);
    if (!before) {
      last.set(hash, { count: 1, end: i + n });
      continue;
    }
    if (i >= before.end) {
      before.count++;
      before.end = i + n;
      most = Math.max(most, before.count);
    }
    repeated += i + n - Math.max(i, covered);
    covered = i + n;
  }
  return { top: most < 3 ? 0 : (most * n) / points.length, repeated: repeated / points.length };
}

/** Drops texts that say the same again and again. */
export function repetitionFilter(options: RepetitionOptions = {}): Filter {
  checkOptions('repetitionFilter', options, { lines: true, lineCharacters: true, top: true, repeated: true });
  const { lines = 0.3, lineCharacters = 0.2, top = { 4: 0.2, 6: 0.18, 8: 0.16 } } = options;
  const { repeated = { 10: 0.15, 12: 0.14, 14: 0.13, 16: 0.12, 18: 0.11, 20: 0.1 } } = options;
  checkNumber('repetitionFilter', 'lines', lines, { min: 0, max: 1 });
  checkNumber('repetitionFilter', 'lineCharacters', lineCharacters, { min: 0, max: 1 });
  const limits = [...limitsOf('top', top), ...limitsOf('repeated', repeated)];
  return {
    name: 'repetition',
    judge(text) {
      const again = repeatedLines(text);
      if (again.lines > lines)
        return drop(`${percent(again.lines)} of the lines stood before, more than ${percent(lines)}`);
      if (again.characters > lineCharacters)
        return drop(`${percent(again.characters)} in lines that stood before, more than ${percent(lineCharacters)}`);
      const points = codePoints(normalized(text));
      for (const { kind, n, most } of limits) {
        const share = repeatedGrams(points, n)[kind];
        const what =
          kind === 'top' ? `in one piece of ${n} characters` : `in pieces of ${n} characters that stood before`;
        if (share > most) return drop(`${percent(share)} ${what}, more than ${percent(most)}`);
      }
      return KEEP;
    },
  };
}

function limitsOf(kind: 'top' | 'repeated', shares: SharesByLength) {
  return Object.entries(shares).map(([length, most]) => {
    const n = Number(length);
    checkCount(`repetitionFilter: a length in ${kind}`, n, 1, 1000);
    checkNumber('repetitionFilter', `${kind}[${n}]`, most, { min: 0, max: 1 });
    return { kind, n, most };
  });
}
