// Prioritized replay: the trees, priorities and weights by hand, and the rules of drawing.
import { expect, it } from 'vitest';
import { RandomStream, UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { scope } from '../../torch/index.ts';
import { Importance } from './importance.ts';
import { PrioritizedReplayBuffer, type PrioritizedReplayOptions } from './prioritized.ts';
import { addSteps, spaces } from './replay.testing.ts';
import { MinTree, SumTree } from './sum-tree.ts';

const make = (options: Partial<PrioritizedReplayOptions> = {}) =>
  new PrioritizedReplayBuffer({ capacity: 40, ...spaces, rng: new RandomStream(1), ...options });

it('trees agree with plain sums, minima and searches', () => {
  const rng = new RandomStream(3);
  const [sums, least] = [new SumTree(13), new MinTree(13)];
  const plain = new Float64Array(13);
  for (let change = 0; change < 300; change++) {
    const leaf = rng.below(13);
    const value = rng.next() < 0.3 ? 0 : rng.next();
    plain[leaf] = value;
    sums.set(leaf, value);
    least.set(leaf, value);
    expect(sums.sum).toBeCloseTo(
      plain.reduce((a, b) => a + b, 0),
      12,
    );
    if (change >= 150)
      expect(least.min).toBe(Math.min(...plain.map((v, i) => (least.get(i) === Infinity ? Infinity : v))));
    if (sums.sum === 0) continue;
    const x = rng.next() * sums.sum;
    let rest = x;
    const found = plain.findIndex((v) => {
      rest -= v;
      return rest < 0;
    });
    expect(sums.find(x)).toBe(found);
    expect(plain[sums.find(sums.sum)]).toBeGreaterThan(0);
  }
});

it('priorities are (clipped error + eps)^α', () => {
  const importance = new Importance({ alpha: 0.6, eps: 0.01 });
  expect([-0.5, 0, 7].map((error) => importance.priority(error))).toEqual([0.51 ** 0.6, 0.01 ** 0.6, 1.01 ** 0.6]);
  expect(new Importance({ errorMax: null }).priority(-7)).toBe(7.01 ** 0.6);
  expect(new Importance({ errorMin: 0.2 }).priority(0)).toBeCloseTo(0.21 ** 0.6, 14);
});

it.each([
  ['batch', [2 ** -0.4, 1]],
  ['memory', [(0.2 / 0.05) ** -0.4, (0.1 / 0.05) ** -0.4]],
  [false, [(10 * 0.2) ** -0.4, (10 * 0.1) ** -0.4]],
] as const)('weights normalized by %j', (normalize, expected) => {
  const importance = new Importance({ normalize, betaSteps: 4 });
  const weights = importance.weights([0.2, 0.1], 0.05, 10);
  expected.forEach((value, i) => {
    expect(weights[i]).toBeCloseTo(value, 6);
  });
});

it('β grows at every sample and stops at 1', () => {
  const replay = make({ beta: 0.4, betaSteps: 4 });
  addSteps(replay, 1, [0, 5], 'terminated');
  const betas = Array.from({ length: 6 }, () => {
    replay.sample(2, 1);
    replay.setErrors([1, 1]);
    return replay.beta;
  });
  for (const [i, value] of [0.55, 0.7, 0.85, 1, 1, 1].entries()) expect(betas[i]).toBeCloseTo(value, 12);
  const still = make({ beta: 0.4, betaSteps: null });
  addSteps(still, 1, [0, 5], 'terminated');
  still.sample(2, 1);
  expect(still.beta).toBe(0.4);
});

it('draws by priority, and gives what was never judged the highest one', () => {
  const replay = make({ alpha: 1, eps: 0, errorMax: null, normalize: false, beta: 1, betaSteps: null });
  addSteps(replay, 0, [0, 4], 'terminated');
  // Errors 1, 2, 3, 4 by step; then a fifth window has the priority 4.
  const judge = (batch: { observations: ArrayLike<number>; size: number }) =>
    replay.setErrors(
      Array.from({ length: batch.size }, (_, i) => (batch.observations[i]! >= 100 ? 4 : batch.observations[i]! + 1)),
    );
  judge(replay.sample(4, 1));
  addSteps(replay, 1, [0, 1], 'terminated');
  const counts = new Map<number, number>();
  for (let draw = 0; draw < 4000; draw++) {
    const batch = replay.sample(1, 1);
    const first = batch.observations[0]!;
    counts.set(first, (counts.get(first) ?? 0) + 1);
    // (N P)^−1 with N = 5, P = priority / 14
    expect(batch.weights![0]).toBeCloseTo(14 / (5 * (first >= 100 ? 4 : first + 1)), 5);
    judge(batch);
  }
  for (const [first, priority] of [[0, 1], [1, 2], [2, 3], [3, 4], [100, 4]] as const) // biome-ignore format: pairs
    expect(Math.abs(counts.get(first)! / 4000 - priority / 14)).toBeLessThan(0.03);
});

it('draws on where no error is left, and refuses one that is NaN', () => {
  const replay = make({ eps: 0, normalize: 'memory' });
  addSteps(replay, 0, [0, 8], 'terminated');
  replay.sample(8, 1);
  replay.setErrors(new Array(8).fill(0));
  const batch = replay.sample(8, 1);
  expect(new Set(batch.observations).size).toBe(8);
  expect([...batch.weights!]).toEqual(new Array(8).fill(1));
  // One that has an error again is drawn before all others.
  replay.setErrors([...batch.observations].map((first) => (first === 3 ? 1 : 0)));
  for (let draw = 0; draw < 20; draw++) {
    const one = replay.sample(1, 1);
    expect(one.observations[0]).toBe(3);
    replay.setErrors([1]);
  }
  replay.sample(2, 1);
  const error = thrown(UserError, () => replay.setErrors([1, Number.NaN]));
  expect(error.message).toMatch(/an error is NaN/);
});

it('draws none twice in a batch, and wants errors before the next', () => {
  const replay = make();
  addSteps(replay, 0, [0, 8], 'terminated');
  for (let draw = 0; draw < 50; draw++) {
    const batch = replay.sample(8, 1);
    expect(new Set(batch.observations).size).toBe(8);
    expect(() => replay.sample(1, 1)).toThrow(/judged/);
    replay.setErrors([...batch.observations].map((first) => (first === 3 ? 1 : 0)));
  }
});

it('forgets what is overwritten', () => {
  const replay = make({ capacity: 8, steps: 2 });
  for (let e = 0; e < 9; e++) {
    addSteps(replay, e, [0, 3], e % 2 === 0 ? 'terminated' : 'truncated');
    const batch = replay.sample(replay.length, 1);
    for (let i = 0; i < batch.size; i++) expect(batch.observations[i]).toBeGreaterThanOrEqual(100 * (e - 1));
    replay.setErrors(new Array(batch.size).fill(1));
  }
});

it('draws no place whose step was overwritten by a row without one', () => {
  const replay = make({ capacity: 10 });
  // Episodes of other lengths: where a step was, the last row of an episode comes to lie.
  for (let e = 0; e < 30; e++) {
    const steps = 1 + (e % 3);
    addSteps(replay, e, [0, steps], 'terminated');
    for (let draw = 0; draw < 4; draw++) {
      const batch = replay.sample(replay.length, 1);
      for (let i = 0; i < batch.size; i++) expect(batch.nexts[i]! - batch.observations[i]!).toBe(1);
      replay.setErrors(new Array(batch.size).fill(1));
    }
  }
});

it('normalizes by the least that is still there', () => {
  const replay = make({ capacity: 8, alpha: 1, eps: 0, errorMax: null, normalize: 'memory', beta: 1, betaSteps: null });
  addSteps(replay, 0, [0, 3], 'terminated');
  const judge = (of: (first: number) => number) => {
    const batch = replay.sample(replay.length, 1);
    replay.setErrors([...batch.observations].map(of));
    return [...batch.weights!];
  };
  judge(() => 0.001);
  for (let e = 1; e <= 6; e++) {
    addSteps(replay, e, [0, 1], 'terminated');
    judge((first) => (first < 100 ? 0.001 : 2));
  }
  // The steps of the first episode are gone, and with them their priorities.
  expect(judge(() => 2)).toEqual([1, 1, 1, 1]);
});

it('goes on from a saved state bit for bit', () => {
  scope(() => {
    const go = (replay: PrioritizedReplayBuffer) =>
      Array.from({ length: 20 }, (_, k) => {
        addSteps(replay, 50 + k, [0, 2], 'terminated');
        const batch = replay.sample(4, 0.9);
        replay.setErrors([...batch.observations].map((first) => Math.sin(first)));
        return [[...batch.observations], [...batch.weights!]];
      });
    const replay = make({ steps: 2, normalize: 'memory' });
    addSteps(replay, 1, [0, 5], 'terminated');
    go(replay);
    const saved = replay.state();
    const copies = saved.tensors.map(([name, each]) => [name, each.clone()] as const);
    const expected = go(replay);
    const restored = make({ steps: 2, normalize: 'memory', rng: new RandomStream(8) });
    restored.loadState({ tensors: copies, state: saved.state });
    expect(go(restored)).toEqual(expected);
    // Also where nothing is added before the first draw.
    const [one, other] = [3, 9].map((seed) => make({ steps: 2, normalize: 'memory', rng: new RandomStream(seed) }));
    const drawn = [one!, other!].map((each) => {
      each.loadState({ tensors: copies, state: saved.state });
      return [...each.sample(4, 0.9).observations];
    });
    expect(drawn[1]).toEqual(drawn[0]);
    expect(new Set(drawn[0]).size).toBe(4);
  });
});
