// Spaces: what is one of their points, and what they draw.
import { describe, expect, it } from 'vitest';
import { ConfigError, RandomStream } from '../../base/index.ts';
import { Box, Discrete, MultiDiscrete, type Space } from './index.ts';

const draws = (space: Space) => {
  const rng = new RandomStream(1);
  return Array.from({ length: 200 }, () => space.sample(rng));
};

describe('spaces', () => {
  it('hold what they draw', () => {
    const spaces = [
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

  it('refuse what is none of their points', () => {
    const several = new MultiDiscrete([2, 5]);
    expect(several.contains([1, 4])).toBe(true);
    for (const bad of [[2, 0], [0], [0, 0.5], [-1, 0], 1, undefined])
      expect(several.contains(bad), String(bad)).toBe(false);
    for (const bad of [[0], [0, Number.NaN], [0, 3], 'ab', null])
      expect(new Box(-2, 2, [2]).contains(bad), String(bad)).toBe(false);
    expect(() => new MultiDiscrete([0])).toThrow(ConfigError);
    expect(String(several)).toBe('MultiDiscrete([2, 5])');
  });
});
