// The filters and the draw, on distributions small enough to reason about.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { checkSampling, draw, NOT_FINITE, type SamplingOptions, sample } from './sampling.ts';

const logits = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

function frequencies(probabilities: number[], options: SamplingOptions, draws = 20_000): number[] {
  const stream = new RandomStream(1);
  const counts = probabilities.map(() => 0);
  for (let i = 0; i < draws; i++) counts[sample(logits(...probabilities), options, stream)]!++;
  return counts.map((n) => n / draws);
}

function expectClose(actual: number[], expected: number[]): void {
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 1.7);
}

describe('sample', () => {
  it('takes the most likely token when greedy, the first of equals', () => {
    expect(sample(logits(0.2, 0.4, 0.4), {}, new RandomStream(0))).toBe(1);
  });

  it('draws with the given probabilities', () => {
    expectClose(frequencies([0.1, 0.2, 0.7], { temperature: 1 }), [0.1, 0.2, 0.7]);
  });

  it('flattens with temperature', () => {
    const roots = [0.1, 0.2, 0.7].map(Math.sqrt);
    const total = roots.reduce((a, b) => a + b);
    expectClose(
      frequencies([0.1, 0.2, 0.7], { temperature: 2 }),
      roots.map((r) => r / total),
    );
  });

  it('keeps the top k, the top p, and what is likely enough', () => {
    expectClose(frequencies([0.1, 0.3, 0.6], { temperature: 1, topK: 2 }), [0, 1 / 3, 2 / 3]);
    expectClose(frequencies([0.1, 0.3, 0.6], { temperature: 1, topP: 0.6 }), [0, 0, 1]);
    expectClose(frequencies([0.1, 0.3, 0.6], { temperature: 1, topP: 0.61 }), [0, 1 / 3, 2 / 3]);
    expectClose(frequencies([0.1, 0.3, 0.6], { temperature: 1, minP: 0.4 }), [0, 1 / 3, 2 / 3]);
  });

  it('penalises what was seen', () => {
    expect(sample(Float32Array.of(2, 1.5), { repetitionPenalty: 2 }, new RandomStream(0), { seen: new Set([0]) })).toBe(
      1,
    );
    expect(
      sample(Float32Array.of(-1, -1.5), { repetitionPenalty: 2 }, new RandomStream(0), { seen: new Set([0]) }),
    ).toBe(1);
  });

  it('never picks −∞', () => {
    expectClose(frequencies([0, 0.5, 0.5], { temperature: 5 }), [0, 0.5, 0.5]);
  });

  it('names the option that is out of range', () => {
    expect(() => checkSampling({ topP: -0.1 })).toThrow(/topP must be a number from 0 to 1, got -0.1/);
    expect(() => checkSampling({ repetitionPenalty: 0 })).toThrow(
      /repetitionPenalty must be a number from 0.01 to 100/,
    );
    expect(() => checkSampling({ temperature: Number.NaN })).toThrow(/temperature/);
  });
});

const nothing: ReadonlySet<number> = new Set();

describe('sample, held against its definition', () => {
  /** The probability of each id, by sets and sums alone, filter after filter. */
  function probabilities(values: readonly number[], options: SamplingOptions, seen: ReadonlySet<number>): number[] {
    const { temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
    const scores = values.map((value, id) => {
      if (!seen.has(id)) return value;
      return Math.fround(value > 0 ? value / repetitionPenalty : value * repetitionPenalty);
    });
    if (temperature === 0) {
      const best = scores.indexOf(Math.max(...scores));
      return scores.map((_, id) => (id === best ? 1 : 0));
    }
    const softmax = (allowed: ReadonlySet<number>) => {
      const peak = Math.max(...scores);
      const weights = scores.map((score, id) => (allowed.has(id) ? Math.exp((score - peak) / temperature) : 0));
      const total = weights.reduce((a, b) => a + b);
      return weights.map((weight) => weight / total);
    };
    let allowed = new Set(scores.keys());
    if (topK > 0) {
      const border = scores.toSorted((a, b) => b - a)[Math.min(topK, scores.length) - 1]!;
      allowed = new Set([...allowed].filter((id) => scores[id]! >= border));
    }
    const p = softmax(allowed);
    // A token stays when those before it do not reach the sum yet; the first always does.
    const order = [...allowed].sort((a, b) => p[b]! - p[a]! || a - b);
    const before = (rank: number) => order.slice(0, rank).reduce((sum, id) => sum + p[id]!, 0);
    if (topP < 1) allowed = new Set(order.filter((_, rank) => rank === 0 || before(rank) < topP));
    const likely = Math.max(...softmax(allowed));
    const reduced = softmax(allowed);
    return softmax(new Set([...allowed].filter((id) => reduced[id]! >= minP * likely * (1 - 1e-12))));
  }

  /** Draws with every one of `n` evenly spaced numbers, so that an id's share is its probability to within 1/n. */
  function shares(values: readonly number[], options: SamplingOptions, seen: ReadonlySet<number>, n = 500): number[] {
    const counts = values.map(() => 0);
    for (let i = 0; i < n; i++) {
      const stream = { next: () => (i + 0.5) / n };
      counts[sample(Float32Array.from(values), options, stream, { seen })]!++;
    }
    return counts.map((count) => count / n);
  }

  function compare(values: readonly number[], options: SamplingOptions, seen = nothing): void {
    const wanted = probabilities([...Float32Array.from(values)], options, seen);
    const found = shares(values, options, seen);
    const context = JSON.stringify({ values, options, seen: [...seen], wanted, found });
    for (const [id, share] of found.entries()) {
      expect(Math.abs(share - wanted[id]!), context).toBeLessThan(2 / 500);
      if (wanted[id] === 0) expect(share, context).toBe(0);
    }
  }

  it('agrees over random logits and settings', () => {
    const random = new RandomStream(7);
    const pick = <T>(...choices: T[]) => choices[random.below(choices.length)]!;
    for (let round = 0; round < 1500; round++) {
      const size = 2 + random.below(9);
      const scale = pick(0.3, 2, 8);
      // Rounded ones have ties, at the border too.
      const rounded = random.below(2) === 0;
      const values = Array.from({ length: size }, () => {
        const value = scale * (2 * random.next() - 1);
        return rounded ? Math.round(value) : value;
      });
      if (random.below(5) === 0) values[random.below(size)] = Number.NEGATIVE_INFINITY;
      const seen = new Set(Array.from({ length: random.below(4) }, () => random.below(size + 2)));
      compare(
        values,
        {
          temperature: pick(0, 1e-300, 1e-3, 0.7, 1, 3, 100),
          topK: pick(0, 0, 1, 2, 3, size, size + 5, 10_000),
          // No sum of a few equal parts, where the last digit would decide.
          topP: pick(1, 1, 0, 1e-9, 0.2371, 0.5137, 0.9133, 0.99991),
          minP: pick(0, 0, 0.0103, 0.1207, 0.5209, 1),
          repetitionPenalty: pick(1, 0.51, 1.1, 2, 100),
        },
        seen,
      );
    }
  });

  it('takes top-p of the whole distribution and min-p after it', () => {
    const values = [0.4, 0.3, 0.1, 0.1, 0.1].map(Math.log);
    const found = shares(values, { temperature: 1, topP: 0.5, minP: 0.5 }, nothing);
    expect(found.map((share) => Number(share.toFixed(2)))).toEqual([0.57, 0.43, 0, 0, 0]);
  });

  it('keeps tokens that are as likely as the last of the top k', () => {
    expect(shares([3, 1, 1, 1, 0], { temperature: 1e6, topK: 2 }, nothing).map((share) => share > 0)).toEqual([
      ...[true, true, true, true, false],
    ]);
  });

  it('goes far down a distribution of many words', () => {
    const values = Array.from({ length: 5000 }, (_, id) => -id / 10);
    const stream = { next: () => 1 - 2 ** -53 };
    const last = (options: SamplingOptions) =>
      sample(Float32Array.from(values), { temperature: 1, ...options }, stream);
    expect(last({ topK: 3000 })).toBeGreaterThan(300);
    expect(last({ topP: 0.999 })).toBe(69); // e^(−6.9) < 0.001 < e^(−6.8), each word is e^(−0.1) as likely as the one before
    expect(last({ minP: 0.5 })).toBe(6); // ln 2 = 0.693
  });
});

describe('logits that say nothing', () => {
  it.each([
    [[Number.NaN, 1, 5, 2], 'NaN for id 0'],
    [[1, 5, Number.NaN], 'NaN for id 2'],
    [[1, Number.POSITIVE_INFINITY, 2], 'Infinity for id 1'],
    [[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], '−∞ for every id'],
    [[], '−∞ for every id'],
  ])('%j are refused, greedy or not', (values, message) => {
    for (const temperature of [0, 1])
      expect(() => sample(Float32Array.from(values), { temperature, topK: 2 }, new RandomStream(0))).toThrow(message);
  });
});

describe('limits', () => {
  const logits = (...shares: number[]) => Float32Array.from(shares, Math.log);
  /** The ids that come out, over the whole range of the random number. */
  const reached = (shares: number[], options: SamplingOptions): number[] => {
    const at = Array.from({ length: 1000 }, (_, i) => i / 1000);
    const ids = at.map((next) => sample(logits(...shares), { temperature: 1, ...options }, { next: () => next }));
    return [...new Set(ids)].sort();
  };

  it.each([
    ['temperature', [0, 100], [-0.1, 100.1, Number.NaN, Infinity]],
    ['topK', [0, 1, 1e9], [-1, 1.5, Number.NaN, Infinity]],
    ['topP', [0, 1], [-0.1, 1.1, Number.NaN]],
    ['minP', [0, 1], [-0.1, 1.1, Number.NaN]],
    ['repetitionPenalty', [0.01, 100], [0, 0.009, 100.1, -1, Number.NaN]],
    ['presencePenalty', [-2, 0, 2], [-2.01, 2.01, Number.NaN]],
    ['frequencyPenalty', [-2, 0, 2], [-2.01, 2.01, Number.NaN]],
  ] as const)('of %s are taken, and what lies beyond is refused by name', (option, good, bad) => {
    for (const value of good) checkSampling({ [option]: value });
    for (const value of bad) {
      const refused = () => checkSampling({ [option]: value });
      expect(refused).toThrow(new RegExp(`^${option} must be a (whole )?number(, | from ).*, got ${value}$`));
      expect(refused).toThrow(expect.objectContaining({ code: 'bad-option', fields: { option } }));
    }
  });

  it('of top-p are reached exactly, among equals by id', () => {
    expect(reached([0.5, 0.25, 0.25], { topP: 0.5 })).toEqual([0]);
    expect(reached([0.5, 0.25, 0.25], { topP: 0.51 })).toEqual([0, 1]);
    expect(reached([0.25, 0.25, 0.25, 0.25], { topP: 0.5 })).toEqual([0, 1]);
    expect(reached([0.25, 0.25, 0.25, 0.25], { topP: 0 })).toEqual([0]);
  });

  it('of top-k and min-p are as many, and as likely, as they say', () => {
    expect(reached([0.4, 0.3, 0.2, 0.1], { topK: 2 })).toEqual([0, 1]);
    expect(reached([0.4, 0.3, 0.2, 0.1], { topK: 3 })).toEqual([0, 1, 2]);
    expect(reached([0.4, 0.3, 0.2, 0.1], { topK: 4 })).toEqual([0, 1, 2, 3]);
    expect(reached([0.4, 0.2, 0.1], { minP: 0.45 })).toEqual([0, 1]);
    expect(reached([0.4, 0.2, 0.1], { minP: 0.45, topP: 0.99 })).toEqual([0, 1]);
  });

  it('of the random number belong to the next token', () => {
    const half = (next: number) => sample(logits(0.5, 0.5), { temperature: 1 }, { next: () => next });
    expect([0, 0.4999, 0.5, 0.9999].map(half)).toEqual([0, 0, 1, 1]);
  });

  it('name logits of which none can be chosen', () => {
    const choose =
      (...values: number[]) =>
      () =>
        sample(Float32Array.of(...values), {}, { next: () => 0 });
    for (const values of [[0, Number.NaN], [0, Infinity], [-Infinity, -Infinity]]) // biome-ignore format: cases
      expect(choose(...values)).toThrow(expect.objectContaining({ code: NOT_FINITE }));
    expect(choose(1, Number.NaN)).toThrow('NaN for id 1');
  });
});

it('draws the last that may come where sums are rounded', () => {
  const weights = Float64Array.of(0, 0.5, 1, 0);
  for (const ids of [undefined, [2, 1]])
    expect(draw({ weights, ids, total: 1.5 + 1e-9 }, { next: () => 1 - 2 ** -53 })).toBe(ids?.[1] ?? 2);
});
