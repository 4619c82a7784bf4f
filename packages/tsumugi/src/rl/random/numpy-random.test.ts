// Against what NumPy drew.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { UserError } from '../../base/index.ts';
import { NumpyRandom, type Pcg64State } from './numpy-random.ts';

interface Case {
  seed: number;
  random: number[];
  uniform: number[];
  integers: [number, number, number[]][];
  choice: number[];
  normal: number[];
  state: Pcg64State;
}
const { cases, normals } = JSON.parse(readFileSync(golden('gymnasium/numpy-random.json'), 'utf8')) as {
  cases: Case[];
  normals: { seed: number; count: number; every: number; some: number[]; beyond: [number, number][]; state: string };
};
const times = <T>(n: number, draw: () => T) => Array.from({ length: n }, draw);
const DECK = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10];

describe('NumpyRandom', () => {
  it.each(cases)('draws what NumPy draws with seed $seed', (wanted) => {
    const rng = new NumpyRandom(wanted.seed);
    expect(times(3, () => rng.random())).toEqual(wanted.random);
    expect([...rng.uniforms(-0.05, 0.05, 4)]).toEqual(wanted.uniform);
    for (const [low, high, numbers] of wanted.integers)
      expect(
        times(5, () => rng.integers(low, high)),
        `integers(${low}, ${high})`,
      ).toEqual(numbers);
    expect(times(5, () => rng.choice(DECK))).toEqual(wanted.choice);
    expect(times(8, () => rng.normal(1, 2))).toEqual(wanted.normal);
    expect(rng.state).toEqual(wanted.state);
  });

  it('draws normal numbers of the body, the wedges and the tail as NumPy does', () => {
    const rng = new NumpyRandom(normals.seed);
    const drawn = rng.standardNormals(normals.count);
    expect([...drawn].filter((_, i) => i % normals.every === 0)).toEqual(normals.some);
    expect(normals.beyond.length).toBeGreaterThan(20);
    // The tail goes through a logarithm, which has an error in the last place here or there.
    for (const [i, value] of normals.beyond) expect(drawn[i]! / value).toBeCloseTo(1, 14);
    expect(rng.state.state).toBe(normals.state);
  });

  it('goes on from its state, also in the middle of a word', () => {
    const rng = new NumpyRandom(5);
    rng.integers(0, 10);
    const state = JSON.parse(JSON.stringify(rng.state)) as Pcg64State;
    expect(state.half).not.toBeNull();
    const going = new NumpyRandom(state);
    const other = new NumpyRandom(6);
    other.state = state;
    const next = times(5, () => rng.integers(0, 1000));
    expect(times(5, () => going.integers(0, 1000))).toEqual(next);
    expect(times(5, () => other.integers(0, 1000))).toEqual(next);
  });

  it('chooses by probability as Gymnasium does', () => {
    const rng = new NumpyRandom(0);
    // random() of seed 0: 0.637, 0.270, 0.041.
    expect(times(3, () => rng.categorical([0.25, 0.25, 0.5]))).toEqual([2, 1, 0]);
    expect([0.6369, 0.637].map((p) => new NumpyRandom(0).categorical([p, 1 - p]))).toEqual([1, 0]);
  });

  it('refuses what is no seed, and what is no state', () => {
    expect(() => new NumpyRandom(-1)).toThrow(UserError);
    expect(() => new NumpyRandom(0.5)).toThrow(UserError);
    for (const wrong of [{ inc: 'g' }, { state: 1 }, { half: 2 ** 32 }, { half: -1 }, { half: 0.5 }])
      expect(
        () => new NumpyRandom({ state: '1', inc: '1', half: null, ...wrong } as never),
        JSON.stringify(wrong),
      ).toThrow(/state of a PCG64 stream/);
  });
});
