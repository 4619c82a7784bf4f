// Replay of episodes: which there are, stretches of them, room, priorities, and that a saved buffer goes on bit for bit.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { scope } from '../../torch/index.ts';
import { type EpisodeBatch, EpisodicReplayBuffer, type EpisodicReplayOptions } from './episodic.ts';
import { PrioritizedEpisodicReplayBuffer, type PrioritizedEpisodicReplayOptions } from './prioritized-episodic.ts';
import { addSteps, spaces } from './replay.testing.ts';

const shared = () => ({ capacity: 100, ...spaces, rng: new RandomStream(1) });
const make = (options: Partial<EpisodicReplayOptions> = {}) => new EpisodicReplayBuffer({ ...shared(), ...options });
const makePrioritized = (options: Partial<PrioritizedEpisodicReplayOptions> = {}) =>
  new PrioritizedEpisodicReplayBuffer({ ...shared(), ...options });

/** The stretches by their first observation: observations, actions, rewards, ends. */
const stretches = ({ size, lengths, observations, actions, rewards, terminated }: EpisodeBatch) =>
  Array.from({ length: size }, (_, b) => {
    const steps = lengths[b]!;
    const column = (values: ArrayLike<number>, count: number) =>
      Array.from({ length: count }, (_, t) => values[t * size + b]!);
    return {
      seen: column(observations, steps + 1),
      actions: column(actions, steps),
      rewards: column(rewards, steps),
      ends: column(terminated, steps),
    };
  }).sort((a, b) => a.seen[0]! - b.seen[0]!);

it('gives whole episodes once they are over', () => {
  const replay = make();
  addSteps(replay, 1, [0, 3], 'terminated');
  addSteps(replay, 2, [0, 2], 'truncated');
  addSteps(replay, 3, [0, 2]);
  expect([replay.numEpisodes, replay.length]).toEqual([2, 5]);
  expect(stretches(replay.sampleEpisodes(2))).toEqual([
    { seen: [100, 101, 102, 103], actions: [0, 1, 0], rewards: [1, 2, 3], ends: [0, 0, 1] },
    { seen: [200, 201, 202], actions: [0, 1], rewards: [1, 2], ends: [0, 0] },
  ]);
  expect(() => replay.sampleEpisodes(3)).toThrow(/a sample of 3 episodes needs as many, there are 2/);
  replay.cut(0);
  expect(replay.numEpisodes).toBe(3);
});

it('gives stretches of longer ones, from anywhere in them', () => {
  const replay = make({ extras: { state: 1 } });
  addSteps(replay, 1, [0, 6], 'terminated', 0, (k) => ({ state: [10 * k] }));
  const starts = new Map<number, number>();
  for (let draw = 0; draw < 400; draw++) {
    const batch = replay.sampleEpisodes(1, 4);
    const { seen } = stretches(batch)[0]!;
    expect(seen).toEqual([0, 1, 2, 3, 4].map((t) => seen[0]! + t));
    expect([...batch.extras['state']!]).toEqual(seen.slice(0, 4).map((value) => 10 * (value - 100)));
    starts.set(seen[0]!, (starts.get(seen[0]!) ?? 0) + 1);
  }
  expect([...starts.keys()].sort()).toEqual([100, 101, 102]);
  for (const count of starts.values()) expect(Math.abs(count - 133)).toBeLessThan(45);
});

it('drops the oldest episodes as a whole', () => {
  const replay = make({ capacity: 12 });
  for (let e = 1; e <= 5; e++) addSteps(replay, e, [0, 3], 'terminated');
  expect([replay.numEpisodes, replay.length]).toEqual([3, 9]);
  expect(stretches(replay.sampleEpisodes(3)).map(({ seen }) => seen[0])).toEqual([300, 400, 500]);
  addSteps(replay, 6, [0, 1]);
  expect(replay.numEpisodes).toBe(2);
});

it('drops episodes of the environment that needs room, and no other', () => {
  const replay = make({ capacity: 20, environments: 2 });
  addSteps(replay, 1, [0, 3], 'terminated');
  for (let e = 2; e <= 6; e++) addSteps(replay, e, [0, 3], 'terminated', 1);
  expect([replay.numEpisodes, replay.length]).toEqual([3, 9]);
  expect(stretches(replay.sampleEpisodes(3)).map(({ seen }) => seen[0])).toEqual([100, 500, 600]);
});

it('keeps the end of an episode that is longer than there is room', () => {
  const replay = make({ capacity: 6 });
  addSteps(replay, 1, [0, 20], 'terminated');
  expect(stretches(replay.sampleEpisodes(1))[0]!.seen).toEqual([115, 116, 117, 118, 119, 120]);
});

describe('by priority', () => {
  it('draws by errors that are not clipped', () => {
    const replay = makePrioritized({ alpha: 1, normalize: false, beta: 1, betaSteps: null });
    for (let e = 1; e <= 3; e++) addSteps(replay, e, [0, e], 'terminated');
    const errorOf = (batch: EpisodeBatch) => Array.from({ length: batch.size }, (_, b) => 2 * batch.lengths[b]!);
    replay.setErrors(errorOf(replay.sampleEpisodes(3)));
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 3000; draw++) {
      const batch = replay.sampleEpisodes(1);
      counts[batch.lengths[0]! - 1]!++;
      // (N P)^−1 with P = 2 e / 12
      expect(batch.weights![0]).toBeCloseTo(12 / (3 * 2 * batch.lengths[0]!), 4);
      replay.setErrors(errorOf(batch));
    }
    counts.forEach((count, i) => {
      expect(Math.abs(count / 3000 - (i + 1) / 6)).toBeLessThan(0.03);
    });
  });

  it('takes the priority that rewards give, a share of the draws uniformly, and leaves it so where it is not judged', () => {
    const replay = makePrioritized({ priorityOf: (rewards) => rewards.length ** 2, uniformRatio: 0.75, judged: false });
    addSteps(replay, 1, [0, 1], 'terminated');
    addSteps(replay, 2, [0, 3], 'terminated');
    let short = 0;
    for (let draw = 0; draw < 3000; draw++) if (replay.sampleEpisodes(1).lengths[0] === 1) short++;
    // ¾ · ½ + ¼ · 1/10
    expect(Math.abs(short / 3000 - 0.4)).toBeLessThan(0.03);
    expect(new Set(replay.sampleEpisodes(2).lengths)).toEqual(new Set([1, 3]));
  });
});

it.each([
  ['uniform', make],
  ['prioritized', makePrioritized],
])('goes on from a saved state bit for bit, %s', (_, makeOne) => {
  scope(() => {
    const options = { capacity: 30, environments: 2 };
    const go = (replay: EpisodicReplayBuffer) =>
      Array.from({ length: 12 }, (_, k) => {
        addSteps(replay, 20 + k, [1, 3], 'terminated', 1);
        addSteps(replay, 20 + k, [0, 2], 'truncated');
        addSteps(replay, 21 + k, [0, 1], 'goes on', 1);
        const batch = replay.sampleEpisodes(2, 2);
        if (replay instanceof PrioritizedEpisodicReplayBuffer) replay.setErrors([1, 0.1]);
        return [stretches(batch), [...(batch.weights ?? [])]];
      });
    const replay = makeOne(options);
    addSteps(replay, 20, [0, 1], 'goes on', 1);
    go(replay);
    const saved = replay.state();
    const copies = saved.tensors.map(([name, each]) => [name, each.clone()] as const);
    const expected = go(replay);
    const restored = makeOne({ ...options, rng: new RandomStream(5) });
    restored.loadState({ tensors: copies, state: structuredClone(saved.state) });
    expect(go(restored)).toEqual(expected);
  });
});
