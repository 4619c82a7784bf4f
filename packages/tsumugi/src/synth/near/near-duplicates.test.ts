// Near-duplicates: planted pairs are found as the S-curve says, groups are right, different texts are left alone.
import { performance } from 'node:perf_hooks';
import { describe, expect, it, vi } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { chanceOfCandidate } from './bands.ts';
import { MinHash } from './min-hash.ts';
import { type NearDuplicateOptions, NearDuplicates } from './near-duplicates.ts';

const kana = Array.from({ length: 83 }, (_, i) => String.fromCharCode(0x3041 + i));
const kanji = Array.from({ length: 2000 }, (_, i) => String.fromCharCode(0x4e00 + i));
const randomText = (length: number, random: RandomStream) =>
  Array.from({ length }, () => (random.below(2) ? kana[random.below(83)] : kanji[random.below(2000)])).join('');

const ngrams = (text: string) => new Set(Array.from({ length: text.length - 4 }, (_, i) => text.slice(i, i + 5)));
const jaccard = (a: string, b: string) => {
  const [one, other] = [ngrams(a), ngrams(b)];
  return one.intersection(other).size / one.union(other).size;
};

/** The text with its end written anew, so that of its n-grams about this share (Jaccard) is common. */
function rewritten(text: string, similarity: number, random: RandomStream): string {
  const grams = text.length - 4;
  const common = Math.round((2 * similarity * grams) / (1 + similarity));
  return `${text.slice(0, common + 4)}、${randomText(grams - common - 1, random)}`;
}

function found(similarity: number, seed: number, options: NearDuplicateOptions, pairs = 300) {
  const [random, texts] = [new RandomStream(seed), new NearDuplicates({ seed, ...options })];
  let [together, expected, variance] = [0, 0, 0];
  for (let i = 0; i < pairs; i++) {
    const text = randomText(204, random);
    const other = rewritten(text, similarity, random);
    const exact = jaccard(text, other);
    expect(Math.abs(exact - similarity)).toBeLessThan(0.005);
    const chance = chanceOfCandidate(exact, texts.bands);
    expected += chance;
    variance += chance * (1 - chance);
    texts.add(text);
    if (!texts.isKept(texts.add(other))) together++;
  }
  return { together, expected, variance };
}

describe('planted pairs', () => {
  it.each([0.5, 0.6, 0.7, 0.8, 0.9])('are candidates as the S-curve says at a similarity of %d', (similarity) => {
    for (const seed of [1, 2, 3]) {
      const { together, expected, variance } = found(similarity, seed, { leastEstimate: 0 });
      // Four standard errors, and a pair for where the error is less than one.
      expect(Math.abs(together - expected)).toBeLessThan(4 * Math.sqrt(variance) + 1);
    }
  });

  it('are alike by the estimate: nearly all above the threshold, nearly none below', () => {
    // At 0.9 the estimate has the error 0.027, at 0.65 0.042: the threshold of 0.8 is 3.7 and 3.6 of them away.
    expect(found(0.9, 4, {}).together).toBeGreaterThan(295);
    expect(found(0.65, 4, {}).together).toBeLessThan(5);
  });
});

describe('groups', () => {
  const of = (texts: string[], options?: NearDuplicateOptions) => {
    const all = new NearDuplicates(options);
    for (const text of texts) all.add(text);
    return { groups: all.groups(), kept: texts.filter((_, i) => all.isKept(i)) };
  };
  const [cat, dog] = [
    '吾輩は猫である。名前はまだ無い。どこで生れたか頓と見当がつかぬ。',
    '親譲りの無鉄砲で小供の時から',
  ];

  it('hold what is equal once normalized, and keep the first', () => {
    const { groups, kept } = of([dog, cat, `${cat}\n`, '', dog, ` ${cat}`, ' ']);
    expect(groups).toEqual([
      [0, 4],
      [1, 2, 5],
      [3, 6],
    ]);
    expect(kept).toEqual([dog, cat, '']);
  });

  it('join through a text that is alike to two', () => {
    const random = new RandomStream(3);
    const [a, b, c] = [randomText(60, random), randomText(400, random), randomText(60, random)];
    expect(jaccard(a + b, b + c)).toBeLessThan(0.8);
    expect(of([a + b, b + c]).groups).toEqual([]);
    expect(of([a + b, b + c, b]).groups).toEqual([[0, 1, 2]]);
  });

  it('are none among different texts, also of one that grows from few', () => {
    const random = new RandomStream(5);
    const texts = Array.from({ length: 3000 }, () => randomText(80, random));
    expect(of(texts, { expected: 1 }).groups).toEqual([]);
  });

  it('are the same whatever room there was at first, and for a seed', () => {
    const random = new RandomStream(6);
    const texts = Array.from({ length: 500 }, () => randomText(100, random));
    const all = texts.flatMap((text) => [text, rewritten(text, 0.75, random)]);
    const plain = of(all).groups;
    expect(plain.length).toBeGreaterThan(20);
    expect(of(all, { expected: 5000 }).groups).toEqual(plain);
    expect(of(all, { seed: 1 }).groups).not.toEqual(plain);
  });
});

it('takes settings that make sense', () => {
  const wrong: [NearDuplicateOptions, string][] = [
    [{ threshold: 0 }, 'threshold must be'],
    [{ threshold: 80 }, 'threshold must be'],
    [{ recall: 1 }, 'recall must be'],
    [{ leastEstimate: -1 }, 'leastEstimate must be'],
    [{ ngram: 0 }, 'ngram must be'],
    [{ permutations: 1.5 }, 'permutations must be'],
    [{ comparisons: 0 }, 'comparisons must be'],
    [{ expected: Number.NaN }, 'expected must be'],
    [{ seed: 0.5 }, 'a seed must be'],
    [{ treshold: 0.8 } as NearDuplicateOptions, 'no option "treshold"'],
  ];
  for (const [options, message] of wrong) expect(() => new NearDuplicates(options)).toThrow(message);
});

it('compares a text with few of those that have a band in common and are not alike', () => {
  const estimate = vi.spyOn(MinHash.prototype, 'estimate');
  const compared = (comparisons: number) => {
    const [random, texts] = [new RandomStream(9), new NearDuplicates({ leastEstimate: 1, comparisons })];
    estimate.mockClear();
    for (let i = 0; i < 200; i++) texts.add(`${'いろは'.repeat(100)}${beginning}${randomText(40, random)}`);
    expect(texts.groups()).toEqual([]);
    return estimate.mock.calls.length;
  };
  const beginning = randomText(150, new RandomStream(8));
  const bands = 18;
  expect(compared(2)).toBeLessThanOrEqual(200 * 2 * bands);
  expect(compared(1000)).toBeGreaterThan(200 * 2 * bands);
  estimate.mockRestore();
});

it('goes through 20,000 short texts in seconds', () => {
  const random = new RandomStream(10);
  const texts = Array.from({ length: 20_000 }, () => randomText(60 + random.below(80), random));
  for (let i = 100; i < texts.length; i += 100) texts[i] = `${texts[i - 50]}。`;
  const all = new NearDuplicates({ expected: texts.length });
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  for (const text of texts) all.add(text);
  const { user } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  console.log(`${Math.round(2e10 / user)} texts a second of processor time, ${Math.round(2e4 / seconds)} by the clock`);
  expect(all.groups()).toHaveLength(199);
  expect(user / 1e6).toBeLessThan(20);
});
