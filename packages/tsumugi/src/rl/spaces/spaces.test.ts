// Spaces: what is one of their points, and what they draw.
import { describe, expect, it } from 'vitest';
import { ConfigError, RandomStream, UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { Box, Discrete, MultiDiscrete, plainSpace, type Space, spaceOf } from './index.ts';

const draws = (space: Space) => {
  const rng = new RandomStream(1);
  return Array.from({ length: 200 }, () => space.sample(rng));
};

describe('spaces', () => {
  it('hold what they draw', () => {
    const spaces = [
      new Box([3, -5], [5, -4], [2]),
      new Discrete(3),
      new Discrete(3, -1),
      new MultiDiscrete([2, 5]),
      new Box(-2, 2, [3]),
      new Box([-Infinity, 0, -Infinity], [Infinity, Infinity, 1], [3]),
    ];
    for (const space of spaces)
      expect(
        draws(space).every((point) => space.contains(point)),
        String(space),
      ).toBe(true);
    expect(new Set(draws(new Discrete(3, -1)))).toEqual(new Set([-1, 0, 1]));
    expect(new Set(draws(new MultiDiscrete([2, 5])).map((point) => (point as Float32Array)[1]))).toHaveProperty(
      'size',
      5,
    );
  });

  it('have bounds of the type of their elements', () => {
    // 4π in 32 bits is more than 4π.
    const box = new Box(-4 * Math.PI, 4 * Math.PI, [1]);
    expect(box.contains(Float32Array.of(4 * Math.PI))).toBe(true);
    expect(new Box(0, 4 * Math.PI, [1], 'float64').contains(Float32Array.of(4 * Math.PI))).toBe(false);
  });

  it('draw bytes that are whole numbers, and only numbers inside of bounds between which float32 has few', () => {
    const bytes = draws(new Box(0, 3, [2], 'uint8')).flatMap((point) => [...(point as Float32Array)]);
    expect(new Set(bytes)).toEqual(new Set([0, 1, 2, 3]));
    for (const box of [new Box(0.1, 0.1 + 3e-8, [1], 'float64'), new Box(-1.7e308, 1.7e308, [1], 'float64')])
      expect(
        draws(box).every((point) => box.contains(point)),
        String(box),
      ).toBe(true);
  });

  it('clip to the nearest number of 32 bits that lies inside', () => {
    // 0.1 and 0.3 in 32 bits are more than they are in 64.
    const box = new Box([0.1, -0.3, -Infinity], [0.3, 0.1, 1e300], [3], 'float64');
    for (const point of [
      [9, 9, 1e38],
      [-9, -9, -Infinity],
      [0.1, 0.1, Infinity],
    ]) {
      const clipped = box.clip(Float32Array.from(point));
      expect(box.contains(clipped), `${point} → ${clipped}`).toBe(true);
      for (const [i, x] of clipped.entries())
        if (i < 2) expect(Math.abs(x - Math.min(Math.max(point[i]!, box.low[i]!), box.high[i]!))).toBeLessThan(3e-8);
    }
    expect(new Box(-1, 1, [2]).clip(Float32Array.of(-1, 0.25))).toEqual(Float32Array.of(-1, 0.25));
  });

  it('are told apart and shown, however large they are', () => {
    expect(String(new Box(0, 255, [400, 600, 3], 'uint8'))).toBe('Box(0, 255, [400, 600, 3], uint8)');
  });

  it('refuse bounds and shapes that are none, in a sentence', () => {
    const bad: [RegExp, () => Box][] = [
      [/low is at most high, got 1 and 0 \(element 1\)/, () => new Box([0, 1], [1, 0], [2])],
      [/low is at most high, got NaN/, () => new Box(Number.NaN, 1, [2])],
      [/high is a number, or one for each of its 2 elements, got 1/, () => new Box(0, [1], [2])],
      [/whole numbers above 0, got \[2.5\]/, () => new Box(0, 1, [2.5])],
      [/float32, float64, uint8, got int8/, () => new Box(0, 1, [2], 'int8' as never)],
    ];
    for (const [sentence, make] of bad) {
      expect(make).toThrow(ConfigError);
      expect(make).toThrow(sentence);
    }
  });

  it('refuse what is none of their points', () => {
    const several = new MultiDiscrete([2, 5]);
    expect(several.contains([1, 4])).toBe(true);
    for (const bad of [[2, 0], [0], [0, 0, 0], [0, 0.5], [-1, 0], 1, undefined])
      expect(several.contains(bad), String(bad)).toBe(false);
    for (const bad of [[0], [0, 0, 0], [0, Number.NaN], [0, 3], ['0', '0'], 'ab', null])
      expect(new Box(-2, 2, [2]).contains(bad), String(bad)).toBe(false);
    const counted = new Discrete(3, 5);
    expect([4, 5, 7, 8, 5.5, '5', Number.NaN, [5]].map((value) => counted.contains(value))).toEqual([
      ...[false, true, true, false],
      ...[false, false, false, false],
    ]);
    expect([String(counted), String(new Discrete(3))]).toEqual(['Discrete(3, start=5)', 'Discrete(3)']);
    for (const n of [0, 2.5, -1]) expect(() => new Discrete(n), String(n)).toThrow(ConfigError);
    expect(() => new Discrete(2, 0.5)).toThrow(ConfigError);
    expect(() => new Box([0, 1], [1, 0], [2])).toThrow(/low is at most high/);
    expect(() => new MultiDiscrete([0])).toThrow(ConfigError);
    expect(String(several)).toBe('MultiDiscrete([2, 5])');
  });

  it('draw uniformly between bounds, and as Gymnasium does where there are none', () => {
    const rng = new RandomStream(2);
    const mean = (box: Box) => {
      let sum = 0;
      for (let i = 0; i < 4000; i++) sum += box.sample(rng)[0]!;
      return sum / 4000;
    };
    for (const [low, high, wanted] of [
      [3, 7, 5],
      [2, Infinity, 3],
      [-Infinity, 2, 1],
      [-Infinity, Infinity, 0],
    ] as const)
      expect(Math.abs(mean(new Box(low, high, [1])) - wanted), `${low} … ${high}`).toBeLessThan(0.08);
    let squares = 0;
    const free = new Box(-Infinity, Infinity, [1]);
    for (let i = 0; i < 4000; i++) squares += free.sample(rng)[0]! ** 2;
    expect(Math.abs(squares / 4000 - 1)).toBeLessThan(0.1);
  });

  it('come back from plain data', () => {
    const spaces = [
      new Discrete(3),
      new Discrete(3, -2),
      new MultiDiscrete([2, 5]),
      new Box(-2, 2, [3]),
      new Box(0, 255, [2, 2], 'uint8'),
      new Box([-Infinity, 0, 1], [Infinity, 3, Infinity], [3], 'float64'),
      new Box(-Infinity, Infinity, [2]),
    ];
    for (const space of spaces) {
      const back = spaceOf(JSON.parse(JSON.stringify(plainSpace(space))));
      expect(back, String(space)).toEqual(space);
    }
  });

  it('are refused where plain data describe none', () => {
    const box = { kind: 'Box', shape: [2], dtype: 'float32', low: 0, high: 1 };
    expect(spaceOf(box)).toEqual(new Box(0, 1, [2]));
    for (const wrong of [
      { ...box, low: [0] },
      { ...box, low: '0' },
      { ...box, high: [1, null] },
      { ...box, dtype: 'int8' },
      { ...box, shape: 2 },
      { ...box, shape: [1.5, 1] },
      { ...box, shape: ['x'] },
      { kind: 'Cube' },
      null,
    ])
      expect(thrown(UserError, () => spaceOf(wrong)).code, JSON.stringify(wrong)).toBe('bad-space');
  });
});
