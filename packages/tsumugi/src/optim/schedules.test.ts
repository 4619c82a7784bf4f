// Learning-rate schedules at their corners and between.
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import {
  constant,
  cosine,
  exponential,
  linear,
  oneMinusSqrt,
  type Schedule,
  sequence,
  warmUp,
  warmUpCosine,
  warmUpStableDecay,
} from './schedules.ts';

const at = (schedule: Schedule, ...steps: number[]) => steps.map((step) => Number(schedule(step).toFixed(6)));

describe('schedules', () => {
  it('constant and linear', () => {
    expect(at(constant(), 0, 1e6)).toEqual([1, 1]);
    expect(at(linear(4), 0, 1, 4, 9)).toEqual([1, 0.75, 0, 0]);
    expect(at(linear(4, { from: 0.2, to: 1 }), 0, 2, 5)).toEqual([0.2, 0.6, 1]);
  });

  it('exponential goes by one factor', () => {
    expect(at(exponential(3, { from: 0.001 }), 0, 1, 2, 3, 9)).toEqual([0.001, 0.01, 0.1, 1, 1]);
    expect(at(exponential(2, { from: 4, to: 1 }), 0, 1, 2)).toEqual([4, 2, 1]);
    expect(() => exponential(3, { from: 0 })).toThrow(ConfigError);
  });

  it('warm-up starts above 0 and ends at 1', () => {
    expect(at(warmUp(4), 0, 1, 2, 3, 4)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(at(warmUp(0), 0)).toEqual([1]);
  });

  it('cosine and 1 − √ reach their floor', () => {
    expect(at(cosine(10), 0, 5, 10, 20)).toEqual([1, 0.5, 0, 0]);
    expect(at(cosine(10, { floor: 0.1 }), 0, 5, 10)).toEqual([1, 0.55, 0.1]);
    expect(at(oneMinusSqrt(16), 0, 4, 16, 17)).toEqual([1, 0.5, 0, 0]);
    expect(at(oneMinusSqrt(16, { floor: 0.2 }), 4, 16)).toEqual([0.6, 0.2]);
  });

  it('warm-up then cosine', () => {
    const schedule = warmUpCosine({ steps: 110, warmUp: 10, floor: 0.1 });
    expect(at(schedule, 0, 9, 10, 60, 110, 500)).toEqual([0.1, 1, 1, 0.55, 0.1, 0.1]);
  });

  it('warm-up, plateau, decay in both shapes', () => {
    const schedule = warmUpStableDecay({ steps: 100, warmUp: 10, decay: 20 });
    expect(at(schedule, 0, 9, 50, 80, 90, 100)).toEqual([0.1, 1, 1, 1, 0.5, 0]);
    const gentle = warmUpStableDecay({ steps: 100, warmUp: 10, decay: 16, shape: '1-sqrt', floor: 0.5 });
    expect(at(gentle, 83, 84, 88, 100)).toEqual([1, 1, 0.75, 0.5]);
    expect(() => warmUpStableDecay({ steps: 10, warmUp: 10, decay: 20 })).toThrow(ConfigError);
  });

  it('runs one after the other, each from its own step 0', () => {
    const schedule = sequence(
      { steps: 2, schedule: constant(3) },
      { steps: 0, schedule: constant(9) },
      { steps: 2, schedule: linear(2) },
    );
    expect(at(schedule, 0, 1, 2, 3, 4, 9)).toEqual([3, 3, 1, 0.5, 0, 0]);
    expect(() => sequence()).toThrow(ConfigError);
  });
});
