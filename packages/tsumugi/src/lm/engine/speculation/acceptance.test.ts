// The distribution of what comes is the model's, whatever was proposed.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../base/index.ts';
import { candidates, likeliest } from '../../sampling/candidates.ts';
import { draw, type SamplingOptions, sample } from '../../sampling.ts';
import { accept, probabilities } from './acceptance.ts';

const of = (logits: Float64Array, options: SamplingOptions) => candidates(logits, likeliest(logits), options);
const shares = (...values: number[]) => of(Float64Array.from(values, Math.log), { temperature: 1 });
const at = (...values: number[]) => ({ next: () => values.shift()! });

describe('a proposed token', () => {
  // p = 0.2, 0.3, 0.5; q = 0.4, 0.5, 0.1
  const target = () => shares(0.2, 0.3, 0.5);
  const draft = () => shares(0.4, 0.5, 0.1);

  it('stands with the probability min(1, p/q)', () => {
    expect(accept(target(), draft(), 0, at(0.4999))).toEqual({ id: 0, stood: true });
    expect(accept(target(), draft(), 0, at(0.5001, 0))).toEqual({ id: 2, stood: false });
    expect(accept(target(), draft(), 1, at(0.5999))).toEqual({ id: 1, stood: true });
    expect(accept(target(), draft(), 2, at(0.9999))).toEqual({ id: 2, stood: true });
  });

  it('gives way to what the model has beyond the draft', () => {
    // p − q: 0.3, −0.1, 0.1
    const [p, q] = [shares(0.5, 0.3, 0.2), shares(0.2, 0.7, 0.1)];
    expect(accept(p, q, 1, at(0.99, 0.7499)).id).toBe(0);
    expect(accept(p, q, 1, at(0.99, 0.7501)).id).toBe(2);
  });

  it('never stands where the model’s filters leave it out', () => {
    const filtered = of(Float64Array.from([0.5, 0.3, 0.2], Math.log), { temperature: 1, topK: 2 });
    expect([...probabilities(filtered)].map((share) => Number(share.toFixed(6)))).toEqual([0.625, 0.375, 0]);
    for (const next of [0, 0.3, 0.999])
      expect(accept(filtered, shares(0.1, 0.1, 0.8), 2, at(next, 0.5)).stood).toBe(false);
  });
});

/** Pearson's statistic of counts against probabilities. */
const statistic = (counts: readonly number[], expected: Float64Array) => {
  const total = counts.reduce((a, b) => a + b);
  return counts.reduce(
    (sum, count, id) =>
      expected[id]! > 0 ? sum + (count - total * expected[id]!) ** 2 / (total * expected[id]!) : sum + count,
    0,
  );
};

describe('the distribution is unchanged', () => {
  const options: SamplingOptions[] = [
    { temperature: 1 },
    { temperature: 0.7, topK: 6 },
    { temperature: 1.5, topP: 0.9, minP: 0.05 },
  ];
  // Seven degrees of freedom at most: above 36 lies 1 in 100,000.
  const LIMIT = 36;
  const logitsOf = (random: RandomStream) => Float64Array.from({ length: 8 }, () => 4 * random.next());

  it.each(options)('with %j, by tokens drawn from a draft', (each) => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = new RandomStream(seed);
      const [target, draft] = [logitsOf(random), logitsOf(random)];
      const counts = Array.from(target, () => 0);
      let [stood, wanted] = [0, 0];
      const [p, q] = [of(target, each), of(draft, each)];
      for (let k = 0; k < 20_000; k++) {
        const verdict = accept(p, q, draw(q, random), random);
        counts[verdict.id]!++;
        stood += Number(verdict.stood);
      }
      const [ps, qs] = [probabilities(p), probabilities(q)];
      for (const id of ps.keys()) wanted += Math.min(ps[id]!, qs[id]!);
      expect(statistic(counts, ps), `seed ${seed}`).toBeLessThan(LIMIT);
      expect(Math.abs(stood / 20_000 - wanted)).toBeLessThan(0.02);
    }
  });

  it('and it shows where tokens stand too often', () => {
    const random = new RandomStream(1);
    const [p, q] = [of(logitsOf(random), { temperature: 1 }), of(logitsOf(random), { temperature: 1 })];
    const counts = Array.from({ length: 8 }, () => 0);
    for (let k = 0; k < 20_000; k++) counts[draw(q, random)]!++;
    expect(statistic(counts, probabilities(p))).toBeGreaterThan(1000);
  });

  it('by one token that is proposed for certain: it stands as often as it is drawn', () => {
    const random = new RandomStream(4);
    const target = logitsOf(random);
    const p = probabilities(of(target, { temperature: 1 }));
    const certain = of(
      Float64Array.from(p, (_, id) => (id === 3 ? 0 : Number.NEGATIVE_INFINITY)),
      { temperature: 1 },
    );
    const [one, other] = [Array.from(p, () => 0), Array.from(p, () => 0)];
    for (let k = 0; k < 20_000; k++) {
      one[accept(of(target, { temperature: 1 }), certain, 3, random).id]!++;
      other[sample(target.slice(), { temperature: 1 }, random)]!++;
    }
    expect(statistic(one, p)).toBeLessThan(LIMIT);
    expect(statistic(other, p)).toBeLessThan(LIMIT);
  });
});
