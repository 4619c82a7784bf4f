// Training: EM against enumeration, determinism, limits.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConfigError, DataError, RandomStream } from '../../base/index.ts';
import { writeTokenizer } from './format.ts';
import { Substrings } from './substrings.ts';
import { Tokenizer } from './tokenizer.ts';
import { type TrainingProgress, trainTokenizer } from './train.ts';
import { TrainingText } from './training-text.ts';
import { digamma, UnigramModel } from './unigram.ts';

const novel = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../../data/${name}`, import.meta.url)), 'utf8');
const bocchan = novel('bocchan.txt');

function gather(texts: string[], maxUnits?: number): TrainingText {
  const text = new TrainingText(maxUnits);
  for (const part of texts) text.add(part);
  return text;
}

/** The runs of a training text as strings with their weights. */
function runStrings(text: TrainingText): [string, number][] {
  const { units, starts, ends, weights } = text.runs();
  return Array.from(starts, (start, r) => [String.fromCharCode(...units.subarray(start, ends[r])), weights[r]!]);
}

describe('TrainingText', () => {
  it('cuts before the words of a line and counts equal segments once', () => {
    const text = gather(['一行目。\n　二行目。\n\n三\uffff四\n', '一行目。\n　二行目。']);
    expect(runStrings(text)).toEqual([
      ['一行目。\n　', 2],
      ['二行目。\n\n', 1],
      ['三', 1],
      ['四\n', 1],
      ['二行目。', 1],
    ]);
    expect(text.characters().slice(0, 3)).toEqual([
      ['\n', 5],
      ['。', 4],
      ['目', 4],
    ]);
  });

  it('cuts long lines, but no character', () => {
    const runs = runStrings(gather([`あ${'😀'.repeat(3000)}`]));
    expect(runs.map(([run]) => run.length)).toEqual([4095, 1906]);
    expect(runs.every(([run]) => run.isWellFormed())).toBe(true);
  });

  it('thins out a text that is too long, whatever its order', () => {
    const lines = Array.from({ length: 2000 }, (_, k) => `行${k}\n`);
    const kept = gather(lines, 4000);
    const units = runStrings(kept).reduce((sum, [run]) => sum + run.length, 0);
    expect(units).toBeLessThanOrEqual(4000);
    expect(units).toBeGreaterThan(1500);
    expect(kept.keptShare).toBe(1 / 4);
    const reversed = gather(lines.toReversed(), 4000);
    expect(runStrings(reversed).sort()).toEqual(runStrings(kept).sort());
  });
});

describe('Substrings', () => {
  it('finds the frequent strings that are not always part of the same longer one', () => {
    const random = new RandomStream(3);
    const lines = Array.from({ length: 60 }, () =>
      Array.from({ length: random.below(12) + 1 }, () => ['a', 'b', 'c', '😀'][random.below(4)]).join(''),
    );
    const text = gather(lines);
    const maxLength = 6;
    const counts = new Map<string, number>();
    for (const [run, weight] of runStrings(text)) {
      for (let i = 0; i < run.length; i++) {
        for (let j = i + 1; j <= Math.min(run.length, i + maxLength + 1); j++) {
          counts.set(run.slice(i, j), (counts.get(run.slice(i, j)) ?? 0) + weight);
        }
      }
    }
    const inLonger = new Set<string>();
    for (const [string, count] of counts) {
      for (const part of [string.slice(1), string.slice(0, -1)]) if (counts.get(part) === count) inLonger.add(part);
    }
    const expected = [...counts].filter(
      ([string, count]) =>
        count >= 3 &&
        string.length <= maxLength &&
        [...string].length > 1 &&
        string.isWellFormed() &&
        !inLonger.has(string),
    );
    const found = new Substrings(text.runs(), maxLength, 3);
    expect(expected.length).toBeGreaterThan(50);
    expect(found.size).toBe(expected.length);
    const all = found.mostFrequent(found.size).map(({ text, count }) => [text, count]);
    expect(all.sort()).toEqual(expected.sort());
    const top = found.mostFrequent(10).map(({ count }) => count);
    expect(Math.min(...top)).toBe(expected.map(([, count]) => count).sort((a, b) => b - a)[9]);
  });
});

describe('UnigramModel', () => {
  const texts = ['あ', 'い', 'う', 'あい', 'いう', 'あいう', 'ああ', '😀'];
  const unknowns = ['鰻', '𠮷'];
  const counts = Float64Array.of(5, 3, 2, 4, 1, 2, 1, 1, 0.5, 0.25);

  it('expects what the sum over all segmentations says', () => {
    const model = new UnigramModel(texts, unknowns, counts);
    // p by the definition, with the byte tokens of the unknown characters: 鰻 has 3 bytes, 𠮷 4.
    const byteCounts = new Float64Array(256);
    unknowns.forEach((character, u) => {
      for (const byte of Buffer.from(character)) byteCounts[byte]! += counts[texts.length + u]!;
    });
    const floored = [...counts.subarray(0, texts.length), ...byteCounts].map((count) => Math.max(count, 0.5));
    const total = floored.reduce((a, b) => a + b, 0);
    const p = floored.map((count) => Math.exp(digamma(count) - digamma(total)));
    const edges = [...texts, ...unknowns];
    const probability = (edge: number) =>
      edge < texts.length
        ? p[edge]!
        : Buffer.from(edges[edge]!).reduce((product, byte) => product * p[texts.length + byte]!, 1);

    const segmentations = (rest: string): number[][] =>
      rest === ''
        ? [[]]
        : edges.flatMap((edge, k) =>
            rest.startsWith(edge) ? segmentations(rest.slice(edge.length)).map((others) => [k, ...others]) : [],
          );
    const lines = ['あいうあああい', 'いう😀あいう鰻ああい', 'あいうあああい', '𠮷あ'];
    const expected = new Float64Array(edges.length);
    let logLikelihood = 0;
    for (const line of lines) {
      const all = segmentations(line);
      const weights = all.map((segmentation) => segmentation.reduce((product, edge) => product * probability(edge), 1));
      const z = weights.reduce((a, b) => a + b, 0);
      logLikelihood += Math.log(z);
      all.forEach((segmentation, k) => {
        for (const edge of segmentation) expected[edge]! += weights[k]! / z;
      });
    }
    const result = model.expect(gather(lines.map((line) => `${line}\uffff`)).runs());
    expect(result.logLikelihood).toBeCloseTo(logLikelihood, 10);
    edges.forEach((edge, k) => {
      expect(result.counts[k], edge).toBeCloseTo(expected[k]!, 10);
    });
  });

  it('does not underflow where thousands of improbable characters follow each other', () => {
    const model = new UnigramModel(texts, unknowns, counts);
    const once = model.expect(gather(['鰻']).runs()).logLikelihood;
    const { counts: expected, logLikelihood } = model.expect(gather([`${'鰻'.repeat(3000)}あいう`]).runs());
    expect(once).toBeLessThan(-10);
    expect(expected[unknowns.indexOf('鰻') + texts.length]).toBeCloseTo(3000, 6);
    const tail = model.expect(gather(['あいう']).runs()).logLikelihood;
    expect(logLikelihood / (3000 * once + tail)).toBeCloseTo(1, 10);
  });

  it('does not overflow where a long piece leaps over improbable characters', () => {
    const long = '鰻'.repeat(16);
    const model = new UnigramModel([...texts, long], unknowns, Float64Array.of(...counts.subarray(0, 8), 1e6, 1e-9, 0));
    const { counts: expected, logLikelihood } = model.expect(gather([long.repeat(5)]).runs());
    expect(expected[texts.length]).toBeCloseTo(5, 10);
    expect(Number.isFinite(logLikelihood)).toBe(true);
  });

  it('raises the likelihood with every step of EM', () => {
    const runs = gather([bocchan.slice(0, 20_000)]).runs();
    const seeds = new Substrings(runs, 8, 5).mostFrequent(2000);
    const characters = [...new Set(bocchan)].map((character) => ({ text: character, count: 1 }));
    const all = [...characters, ...seeds];
    const model = new UnigramModel(
      all.map(({ text }) => text),
      [],
      Float64Array.from(all, ({ count }) => count),
    );
    const likelihoods: number[] = [];
    for (let step = 0; step < 4; step++) {
      likelihoods.push(model.expect(runs).logLikelihood);
      model.improve(runs, 1);
    }
    expect(likelihoods).toEqual(likelihoods.toSorted((a, b) => a - b));
  });
});

describe('digamma', () => {
  it('has its known values', () => {
    expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 8);
    expect(digamma(0.5)).toBeCloseTo(-1.9635100260214235, 8);
    expect(digamma(1e6)).toBeCloseTo(13.81551005797, 8);
  });
});

describe('trainTokenizer', () => {
  const wagahai = novel('wagahai-wa-neko-de-aru.txt');
  const trained = trainTokenizer([wagahai], { vocabSize: 4000 });
  const tokenizer = Tokenizer.fromPieces(trained);

  it('makes the number of pieces asked for, in the order of the published file', () => {
    expect(trained.length).toBe(4000);
    const types = trained.map((piece) => piece.type);
    expect(types.slice(0, 7)).toEqual(['UNKNOWN', ...Array(6).fill('CONTROL')]);
    expect(types.slice(7, 263)).toEqual(Array(256).fill('BYTE'));
    expect(types.slice(263)).toEqual(Array(3737).fill('NORMAL'));
    const scores = trained.slice(263).map((piece) => piece.score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(scores[0]).toBeLessThan(0);
  });

  it('packs text it has not seen far more densely than characters do', () => {
    const held = tokenizer.density([bocchan]);
    expect(held.charactersPerToken).toBeGreaterThan(1.5);
    expect(held.bytesPerToken).toBeGreaterThan(4.5);
    expect(tokenizer.density([wagahai]).charactersPerToken).toBeGreaterThan(1.65);
  });

  it('needs fewer bits per character of unseen text than single characters, both as unigrams of the same text', () => {
    const bits = (encode: (text: string) => (number | string)[]) => {
      const counts = new Map<number | string, number>();
      const seen = encode(wagahai);
      for (const token of seen) counts.set(token, (counts.get(token) ?? 0) + 1);
      const total = seen.length + 0.1 * 4000;
      const nats = encode(bocchan).reduce<number>(
        (sum, token) => sum - Math.log(((counts.get(token) ?? 0) + 0.1) / total),
        0,
      );
      return nats / Math.LN2 / [...bocchan].length;
    };
    const pieces = bits((text) => tokenizer.encode(text));
    const characters = bits((text) => [...text]);
    expect(pieces).toBeLessThan(0.9 * characters);
    expect(pieces).toBeLessThan(6.6);
  });

  it('spells any text, whether its characters are pieces or not', () => {
    for (const text of ['吾輩は猫である。名前はまだ無い。', '鱧と𠮷😀\u0000', wagahai.slice(0, 5000)]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('lets pieces reach over the end of a line, but not into the next words', () => {
    const spaced = trained.filter((piece) => piece.type === 'NORMAL' && piece.text.includes('\n'));
    expect(spaced.length).toBeGreaterThan(5);
    for (const { text } of spaced) expect(text).toMatch(/^[^\n]*\n\s*$/);
  });

  it('writes the same bytes again', () => {
    const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'tsumugi-train-')));
    try {
      const files = folders.map((folder) => {
        writeTokenizer(folder, trainTokenizer([bocchan], { vocabSize: 1500 }));
        return readFileSync(join(folder, 'tokenizer.jsonl'));
      });
      expect(files[0]!.equals(files[1]!)).toBe(true);
    } finally {
      for (const folder of folders) rmSync(folder, { recursive: true });
    }
  });

  it('makes the largest vocabulary there is, and names its size when asked for more', () => {
    const text = [bocchan.slice(0, 2000), '<0x41> <|plamo:op|>\n<0x41>、<|plamo:op|>'];
    const train = (vocabSize: number) => trainTokenizer(text, { vocabSize, controls: [] });
    let largest = 0;
    try {
      train(5000);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).code).toBe('vocabulary-too-large');
      largest = (error as ConfigError).fields['largest'] as number;
    }
    expect(largest).toBeGreaterThan(391);
    // Different pieces, although the text spells a byte token and a control piece often enough for pieces of their own.
    expect(new Set(train(largest).map((piece) => piece.text)).size).toBe(largest);
    expect(() => train(largest + 1)).toThrow(`Choose at most ${largest}`);
  });

  it('refuses a vocabulary without room for text, and no text', () => {
    for (const vocabSize of [100, 390, 500.5, Number.NaN]) {
      expect(() => trainTokenizer(['あ'], { vocabSize })).toThrow(ConfigError);
    }
    expect(() => trainTokenizer(['', ''], { vocabSize: 500 })).toThrow(DataError);
  });

  it('keeps ASCII as pieces and takes the control pieces it is given', () => {
    const pieces = trainTokenizer([bocchan, 'x = "~";'], { vocabSize: 800, controls: ['<|user|>'] });
    const small = Tokenizer.fromPieces(pieces);
    for (const character of ' x="~;\n') expect(small.piece(small.idOf(character)!)!.type).toBe('NORMAL');
    expect(small.piece(5)).toEqual({ text: '<|user|>', score: 0, type: 'CONTROL' });
  });

  it('reports its progress', () => {
    const reports: TrainingProgress[] = [];
    trainTokenizer([bocchan.slice(0, 20_000)], { vocabSize: 900, onProgress: (report) => reports.push(report) });
    expect([...new Set(reports.map((report) => report.phase))]).toEqual(['reading', 'counting', 'fitting', 'done']);
    const fractions = reports.map((report) => report.fraction);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });
});

it('makes no piece longer than it is told', () => {
  const lengths = (maxPieceLength?: number) =>
    trainTokenizer([bocchan], { vocabSize: 1500, ...(maxPieceLength !== undefined && { maxPieceLength }) })
      .filter(({ type }) => type === 'NORMAL')
      .map(({ text }) => text.length);
  expect(Math.max(...lengths(2))).toBe(2);
  expect(Math.max(...lengths())).toBeGreaterThan(4);
});
