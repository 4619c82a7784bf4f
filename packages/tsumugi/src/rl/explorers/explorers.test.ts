// Explorers: how often and how far they leave the greedy action, and that their state is all that they depend on.
import { describe, expect, it } from 'vitest';
import { ConfigError, RandomStream } from '../../base/index.ts';
import { Box, Discrete } from '../spaces/index.ts';
import {
  AdditiveGaussian,
  AdditiveOU,
  Boltzmann,
  ConstantEpsilonGreedy,
  type Explorer,
  Greedy,
  LinearDecayEpsilonGreedy,
} from './index.ts';
import { standardNormal } from './normal.ts';

const actions = new Discrete(4, 10);
const box = new Box(-1, [1, 0.2], [2]);
const times = <T>(count: number, body: (i: number) => T) => Array.from({ length: count }, (_, i) => body(i));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

it('Greedy takes what it is given', () => {
  expect(new Greedy().select(0, 0, 3)).toBe(3);
});

it('ConstantEpsilonGreedy leaves the greedy action in ε of the cases, for any action of the space', () => {
  const explorer = new ConstantEpsilonGreedy(0.4, actions, new RandomStream(1));
  const taken = times(4000, () => explorer.select(0, 0, 11) as number);
  for (const action of [10, 12, 13]) {
    const share = taken.filter((each) => each === action).length / 4000;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.025);
  }
  expect(() => new ConstantEpsilonGreedy(1.5, actions, new RandomStream(1))).toThrow(/at most 1, got 1.5/);
});

it('LinearDecayEpsilonGreedy goes from start to end and stays there', () => {
  const explorer = new LinearDecayEpsilonGreedy({ start: 1, end: 0.2, steps: 100 }, actions, new RandomStream(1));
  expect([0, 50, 99, 100, 1000].map((t) => explorer.epsilon(t))).toEqual([1, 0.6, 1 - (0.8 * 99) / 100, 0.2, 0.2]);
  const share = (t: number) =>
    times(2000, () => explorer.select(t, 0, 99)).filter((action) => action === 99).length / 2000;
  expect(share(0)).toBe(0);
  expect(Math.abs(share(100) - 0.8)).toBeLessThan(0.04);
});

it('Boltzmann draws actions by softmax(Q / T)', () => {
  const explorer = new Boltzmann(0.5, actions, new RandomStream(2));
  const q = [0, 0.5, 1, -1000];
  const taken = times(6000, () => explorer.select(0, 0, 12, q) as number);
  const weights = q.map((value) => Math.exp(value / 0.5));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  weights.forEach((weight, a) => {
    const share = taken.filter((action) => action === 10 + a).length / 6000;
    expect(Math.abs(share - weight / sum)).toBeLessThan(0.025);
  });
  // Values whose exponentials are beyond all numbers.
  for (const best of [0, 3]) {
    const far = [0, 1, 2, 3].map((a) => (a === best ? 9000 : 1000));
    expect(explorer.select(0, 0, 12, far)).toBe(10 + best);
  }
});

it('refuse what makes no sense', () => {
  const rng = new RandomStream(1);
  for (const make of [
    () => new Boltzmann(0, actions, rng),
    () => new LinearDecayEpsilonGreedy({ start: 1.2, end: 0, steps: 9 }, actions, rng),
    () => new LinearDecayEpsilonGreedy({ start: 1, end: -0.1, steps: 9 }, actions, rng),
    () => new LinearDecayEpsilonGreedy({ start: 1, end: 0, steps: 0 }, actions, rng),
    () => new AdditiveGaussian(-1, box, rng),
    () => new AdditiveOU({ theta: 2 }, box, rng),
    () => new AdditiveOU({ sigma: -1 }, box, rng),
  ])
    expect(make).toThrow(ConfigError);
});

it('normal numbers are finite, also where the stream gives 0', () => {
  const stream = { next: () => 0 } as RandomStream;
  expect(Number.isFinite(standardNormal(stream))).toBe(true);
});

describe('noise on actions', () => {
  it('Gaussian: has the scale, and is clipped to the box', () => {
    const explorer = new AdditiveGaussian(0.1, box, new RandomStream(3));
    const greedy = Float32Array.of(0.25, 0.15);
    const taken = times(4000, () => explorer.select(0, 0, greedy) as Float32Array);
    const first = taken.map(([x]) => x!);
    expect(Math.abs(mean(first) - 0.25)).toBeLessThan(0.006);
    expect(Math.abs(Math.sqrt(mean(first.map((x) => (x - 0.25) ** 2))) - 0.1)).toBeLessThan(0.005);
    expect(Math.max(...taken.map(([, x]) => x!))).toBe(Math.fround(0.2));
    expect([...greedy]).toEqual([0.25, Math.fround(0.15)]);
  });

  it('has a scale for each dimension, where they are not alike', () => {
    const wide = new Box([-1, -100], [1, 100], [2]);
    const spread = (explorer: Explorer) => {
      const taken = times(2000, () => explorer.select(0, 0, Float32Array.of(0, 0)) as Float32Array);
      return [0, 1].map((k) => Math.sqrt(mean(taken.map((point) => point[k]! ** 2))));
    };
    const [a, b] = spread(new AdditiveGaussian([0.1, 10], wide, new RandomStream(8)));
    expect(a! / 0.1).toBeCloseTo(1, 1);
    expect(b! / 10).toBeCloseTo(1, 1);
    const [c, d] = spread(new AdditiveOU({ sigma: [0.1, 10] }, wide, new RandomStream(9)));
    expect(d! / c!).toBeGreaterThan(60);
    expect(d! / c!).toBeLessThan(160);
  });

  it('never leaves the box, also where rounding would', () => {
    const narrow = new Box(0.1, 0.3, [1], 'float64');
    const explorer = new AdditiveGaussian(1, narrow, new RandomStream(2));
    const taken = times(50, () => explorer.select(0, 0, Float32Array.of(0.2)));
    expect(taken.every((action) => narrow.contains(action))).toBe(true);
  });

  it('Ornstein–Uhlenbeck: begins in its stationary distribution and drifts', () => {
    const wide = new Box(-100, 100, [1]);
    const zero = Float32Array.of(0);
    const [theta, sigma] = [0.15, 0.3];
    const stationary = sigma / Math.sqrt(2 * theta - theta ** 2);
    const first = times(2000, (seed) => {
      const explorer = new AdditiveOU({ theta, sigma }, wide, new RandomStream(seed));
      return (explorer.select(0, 0, zero) as Float32Array)[0]!;
    });
    expect(Math.abs(Math.sqrt(mean(first.map((x) => x * x))) - stationary)).toBeLessThan(0.03);
    const quick = times(2000, (seed) => {
      const explorer = new AdditiveOU({ theta: 1, sigma }, wide, new RandomStream(seed));
      return (explorer.select(0, 0, zero) as Float32Array)[0]!;
    });
    expect(Math.abs(Math.sqrt(mean(quick.map((x) => x * x))) - sigma), 'θ = 1: every step is a new draw').toBeLessThan(
      0.02,
    );
    const explorer = new AdditiveOU({ mu: 2, theta, sigma }, wide, new RandomStream(4));
    const path = times(20_000, () => (explorer.select(0, 0, zero) as Float32Array)[0]! - 2);
    expect(Math.abs(mean(path))).toBeLessThan(0.08);
    const correlation = mean(path.slice(1).map((x, i) => x * path[i]!)) / mean(path.map((x) => x * x));
    expect(Math.abs(correlation - (1 - theta))).toBeLessThan(0.02);
    const still = new AdditiveOU({ mu: 1, sigma, startWithMu: true }, wide, new RandomStream(4));
    expect([...(still.select(0, 0, zero) as Float32Array)]).toEqual([1]);
  });

  it('Ornstein–Uhlenbeck: has a process for each environment', () => {
    const explorer = new AdditiveOU({}, new Box(-9, 9, [1]), new RandomStream(5));
    const zero = Float32Array.of(0);
    const [a, b] = [explorer.select(0, 0, zero), explorer.select(0, 1, zero)] as Float32Array[];
    const next = explorer.select(0, 0, zero) as Float32Array;
    expect(a![0]).not.toBe(b![0]);
    // One step of σ 0.3 from where it was.
    expect(Math.abs(next[0]! - 0.85 * a![0]!)).toBeLessThan(1.2);
    const stream = new RandomStream(5);
    const [, , , fourth] = times(4, () => standardNormal(stream));
    const other = explorer.select(0, 1, zero) as Float32Array;
    expect(other[0], 'goes on from where it was itself').toBeCloseTo(0.85 * b![0]! + 0.3 * fourth!, 5);
  });
});

it.each<[string, (rng: RandomStream) => Explorer, number | Float32Array]>([
  ['ConstantEpsilonGreedy', (rng) => new ConstantEpsilonGreedy(0.5, actions, rng), 10],
  [
    'LinearDecayEpsilonGreedy',
    (rng) => new LinearDecayEpsilonGreedy({ start: 1, end: 0.5, steps: 9 }, actions, rng),
    10,
  ],
  ['Boltzmann', (rng) => new Boltzmann(1, actions, rng), 10],
  ['AdditiveGaussian', (rng) => new AdditiveGaussian(1, box, rng), Float32Array.of(0, 0)],
  ['AdditiveOU', (rng) => new AdditiveOU({}, box, rng), Float32Array.of(0, 0)],
])('%s goes on from its state', (_, make, greedy) => {
  const explorer = make(new RandomStream(6));
  const go = (from: Explorer) => times(8, (t) => from.select(t, t % 2, greedy, [1, 2, 3, 4]));
  go(explorer);
  const saved = structuredClone(explorer.state());
  const expected = go(explorer);
  const restored = make(new RandomStream(7));
  restored.loadState(saved);
  expect(go(restored)).toEqual(expected);
});
