// The filters and the draw, on distributions small enough to reason about.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { checkSampling, type SamplingOptions, sample } from './sampling.ts';

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
    expect(sample(Float32Array.of(2, 1.5), { repetitionPenalty: 2 }, new RandomStream(0), [0])).toBe(1);
    expect(sample(Float32Array.of(-1, -1.5), { repetitionPenalty: 2 }, new RandomStream(0), [0])).toBe(1);
  });

  it('never picks −∞', () => {
    expectClose(frequencies([0, 0.5, 0.5], { temperature: 5 }), [0, 0.5, 0.5]);
  });

  it('names the option that is out of range', () => {
    expect(() => checkSampling({ topP: 0 })).toThrow(/topP must be a number in \(0, 1\], got 0/);
    expect(() => checkSampling({ temperature: Number.NaN })).toThrow(/temperature/);
  });
});
