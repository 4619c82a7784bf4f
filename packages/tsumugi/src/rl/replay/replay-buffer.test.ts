// Windows of steps: which there are, what is in them, how they are drawn, and that a saved buffer goes on bit for bit.
import { expect, it } from 'vitest';
import { RandomStream, UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { scope } from '../../torch/index.ts';
import { Box, Discrete } from '../spaces/index.ts';
import type { Batch } from './batch.ts';
import { batchTensors } from './batch.ts';
import { addSteps, spaces } from './replay.testing.ts';
import { ReplayBuffer, type ReplayOptions } from './replay-buffer.ts';

const make = (options: Partial<ReplayOptions> = {}) =>
  new ReplayBuffer({ capacity: 100, ...spaces, rng: new RandomStream(1), ...options });

/** Windows as [first observation, action, reward, next observation, terminated, discount], in order of the first. */
const rowsOf = ({ size, observations, actions, rewards, nexts, terminated, discounts }: Batch) =>
  Array.from({ length: size }, (_, i) => [
    observations[i]!,
    actions[i]!,
    rewards[i]!,
    nexts[i]!,
    terminated[i]!,
    discounts[i]!,
  ]).sort(([a], [b]) => a! - b!);

it('gives single steps as they were', () => {
  const replay = make();
  addSteps(replay, 1, [0, 3], 'terminated');
  addSteps(replay, 2, [0, 2]);
  expect(replay.length).toBe(5);
  expect(rowsOf(replay.sample(5, 0.5))).toEqual([
    [100, 0, 1, 101, 0, 0.5],
    [101, 1, 2, 102, 0, 0.5],
    [102, 0, 3, 103, 1, 0.5],
    [200, 0, 1, 201, 0, 0.5],
    [201, 1, 2, 202, 0, 0.5],
  ]);
});

it('gives windows of n steps, and shorter ones at an end, with the discount of their length', () => {
  const replay = make({ steps: 3 });
  addSteps(replay, 1, [0, 2]);
  expect(replay.length).toBe(0);
  addSteps(replay, 1, [2, 3]);
  expect(replay.length).toBe(1);
  addSteps(replay, 1, [3, 4], 'terminated');
  expect(rowsOf(replay.sample(4, 0.5))).toEqual([
    [100, 0, 1 + 0.5 * 2 + 0.25 * 3, 103, 0, 0.125],
    [101, 1, 2 + 0.5 * 3 + 0.25 * 4, 104, 1, 0.125],
    [102, 0, 3 + 0.5 * 4, 104, 1, 0.25],
    [103, 1, 4, 104, 1, 0.5],
  ]);
});

it.each(['truncated', 'cut'] as const)(
  'bootstraps after an episode that was %s, whose last windows are shorter',
  (how) => {
    const replay = make({ steps: 2 });
    addSteps(replay, 1, [0, 3], how === 'truncated' ? 'truncated' : 'goes on');
    if (how === 'cut') replay.cut(0);
    addSteps(replay, 2, [0, 1]);
    expect(rowsOf(replay.sample(3, 0.5))).toEqual([
      [100, 0, 2, 102, 0, 0.25],
      [101, 1, 3.5, 103, 0, 0.25],
      [102, 0, 3, 103, 0, 0.5],
    ]);
    scope(() => {
      const { bootstrap } = batchTensors(replay.sample(3, 0.5), replay.input);
      expect((bootstrap.tolist() as number[]).every((value) => value > 0)).toBe(true);
    });
  },
);

it('cuts nothing between episodes', () => {
  const replay = make();
  addSteps(replay, 1, [0, 2], 'terminated');
  replay.cut(0);
  expect(rowsOf(replay.sample(2, 1)).map(([, , , , terminated]) => terminated)).toEqual([0, 1]);
});

it('does not bootstrap after the end of the task', () => {
  const replay = make();
  addSteps(replay, 1, [0, 2], 'terminated');
  scope(() => {
    const { bootstrap, action } = batchTensors(replay.sample(2, 0.9), replay.input);
    expect((bootstrap.tolist() as number[]).sort()).toEqual([0, Math.fround(0.9)]);
    expect(action.dtype).toBe('int64');
  });
});

it('keeps the newest rows, an episode of L steps being L + 1 of them', () => {
  const replay = make({ capacity: 7 });
  for (let e = 1; e <= 4; e++) addSteps(replay, e, [0, 2], 'terminated');
  // Of 12 rows the last 7 are there: 202, and all of episodes 3 and 4.
  expect(replay.length).toBe(4);
  expect(rowsOf(replay.sample(4, 1)).map(([first]) => first)).toEqual([300, 301, 400, 401]);
});

it('never gives a window that is partly overwritten', () => {
  const replay = make({ capacity: 9, steps: 3 });
  for (let k = 0; k < 40; k++) {
    addSteps(replay, 1, [k, k + 1]);
    if (replay.length === 0) continue;
    for (const [first, , reward, next] of rowsOf(replay.sample(replay.length, 1))) {
      expect(next! - first!).toBe(3);
      expect(reward).toBe(3 * (first! - 100) + 6);
    }
  }
  expect(replay.length).toBe(6);
});

it('has a stream for each environment, whose windows do not mix', () => {
  const replay = make({ environments: 3, steps: 2 });
  for (let k = 0; k < 6; k++)
    for (let i = 0; i < 3; i++) addSteps(replay, i + 1, [k, k + 1], k === 5 && i === 1 ? 'terminated' : 'goes on', i);
  expect(replay.length).toBe(5 + 6 + 5);
  for (const [first, , , next] of rowsOf(replay.sample(16, 1)))
    expect(Math.floor(first! / 100)).toBe(Math.floor(next! / 100));
});

it('draws without replacement, and every window equally often', () => {
  const replay = make();
  addSteps(replay, 0, [0, 4], 'terminated');
  addSteps(replay, 1, [0, 6], 'terminated');
  const counts = new Map<number, number>();
  for (let draw = 0; draw < 3000; draw++) {
    const first = rowsOf(replay.sample(3, 1)).map(([value]) => value!);
    expect(new Set(first).size).toBe(3);
    for (const value of first) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  expect(counts.size).toBe(10);
  // 900 of each are expected; 25 is the standard deviation.
  for (const count of counts.values()) expect(Math.abs(count - 900)).toBeLessThan(125);
});

it('refuses a sample that is larger than what is there', () => {
  const replay = make();
  addSteps(replay, 1, [0, 2]);
  expect(thrown(UserError, () => replay.sample(3, 1)).code).toBe('too-few-samples');
});

it('refuses a capacity that holds no window', () => {
  expect(() => make({ capacity: 4, steps: 3 })).toThrow(/too few for windows of 3 steps/);
});

it('says how much it would take where there is not so much memory', () => {
  const observationSpace = new Box(0, 255, [4, 84, 84], 'uint8');
  const error = thrown(UserError, () => make({ capacity: 1e9, observationSpace }));
  expect(error.message).toMatch(/1,000,000,000 rows of 28,224 numbers take 25.7 TiB/);
});

it('stores one frame of a stack and gives the stack', () => {
  const stack = (...frames: number[]) => Uint8Array.from(frames.flatMap((value) => [value, value + 1]));
  const observationSpace = new Box(0, 255, [3, 1, 2], 'uint8');
  const replay = make({ capacity: 20, observationSpace, stack: 3 });
  const step = (observation: Uint8Array, next: Uint8Array, terminated = false) =>
    replay.add(0, observation, 0, { reward: 0, next, terminated, truncated: false });
  step(stack(10, 10, 10), stack(10, 10, 20));
  step(stack(10, 10, 20), stack(10, 20, 30));
  step(stack(10, 20, 30), stack(20, 30, 40), true);
  step(stack(50, 50, 50), stack(50, 50, 60));
  const batch = replay.sample(4, 1);
  const pairs = Array.from({ length: 4 }, (_, i) => [
    [...batch.observations.subarray(6 * i, 6 * i + 6)].filter((_, k) => k % 2 === 0).join(),
    [...batch.nexts.subarray(6 * i, 6 * i + 6)].filter((_, k) => k % 2 === 0).join(),
  ]).sort();
  expect(pairs).toEqual([
    ['10,10,10', '10,10,20'],
    ['10,10,20', '10,20,30'],
    ['10,20,30', '20,30,40'],
    ['50,50,50', '50,50,60'],
  ]);
  scope(() => expect(new Map(replay.state().tensors).get('0.observation')!.shape).toEqual([6, 2]));
  expect(() => step(stack(50, 50, 60), stack(1, 2, 3), true)).not.toThrow();
  expect(() => step(stack(1, 2, 3), stack(2, 3, 4))).toThrow(/first stack has frames that differ/);
});

it('gives no stack whose frames are gone', () => {
  const observationSpace = new Box(0, 255, [3, 1, 1], 'uint8');
  const replay = make({ capacity: 6, observationSpace, stack: 3 });
  for (let k = 0; k < 20; k++) {
    const at = (row: number) => Uint8Array.of(Math.max(0, row - 2), Math.max(0, row - 1), row);
    replay.add(0, at(k), 0, { reward: k, next: at(k + 1), terminated: false, truncated: false });
    const batch = replay.sample(replay.length, 1);
    for (let i = 0; i < batch.size; i++)
      expect([...batch.observations.subarray(3 * i, 3 * i + 3)]).toEqual([...at(batch.rewards[i]!)]);
  }
  expect(replay.length).toBe(3);
});

it('keeps what steps have besides', () => {
  const replay = make({ extras: { state: 2 } });
  addSteps(replay, 1, [0, 4], 'terminated', 0, (k) => ({ state: [k, -k] }));
  const batch = replay.sample(4, 1);
  const states = Array.from({ length: 4 }, (_, i) => [
    batch.observations[i]! - 100,
    ...batch.extras['state']!.subarray(2 * i, 2 * i + 2),
  ]);
  expect(states.sort()).toEqual([[0, 0, -0], [1, 1, -1], [2, 2, -2], [3, 3, -3]]); // biome-ignore format: a list
});

it('counts actions from 0, wherever their space begins', () => {
  const replay = make({ actionSpace: new Discrete(3, 5) });
  replay.add(0, Float32Array.of(1), 7, { reward: 1, next: Float32Array.of(2), terminated: true, truncated: false });
  expect([...replay.sample(1, 1).actions]).toEqual([2]);
});

it('takes continuous actions and counted observations', () => {
  const replay = make({ observationSpace: new Discrete(5, 2), actionSpace: new Box(-1, 1, [2]) });
  replay.add(0, 3, Float32Array.of(0.5, -0.5), { reward: 1, next: 6, terminated: true, truncated: false });
  scope(() => {
    const { observation, action, next } = batchTensors(replay.sample(1, 1), replay.input);
    expect(observation.tolist()).toEqual([[0, 1, 0, 0, 0]]);
    expect(next.tolist()).toEqual([[0, 0, 0, 0, 1]]);
    expect(action.tolist()).toEqual([[0.5, -0.5]]);
  });
});

it('goes on from a saved state bit for bit, also in the middle of an episode and after going round', () => {
  scope(() => {
    const go = (replay: ReplayBuffer, e: number) => {
      addSteps(replay, e, [2, 5], 'terminated', 1);
      addSteps(replay, e + 1, [0, 1]);
      return [1, 2, 3].map(() => structuredClone(rowsOf(replay.sample(4, 0.9))));
    };
    const replay = make({ capacity: 24, environments: 2, steps: 2 });
    for (let e = 0; e < 5; e++) {
      addSteps(replay, e, [0, 3], 'truncated');
      addSteps(replay, e, [0, 2], e === 4 ? 'goes on' : 'terminated', 1);
    }
    replay.sample(3, 0.9);
    const saved = replay.state();
    const copies = saved.tensors.map(([name, each]) => [name, each.clone()] as const);
    const expected = go(replay, 4);
    const restored = make({ capacity: 24, environments: 2, steps: 2, rng: new RandomStream(9) });
    restored.loadState({ tensors: copies, state: saved.state });
    expect(go(restored, 4)).toEqual(expected);
    expect(restored.length).toBe(replay.length);
  });
});

it('refuses the state of another buffer', () => {
  scope(() => {
    const replay = make({ capacity: 24 });
    addSteps(replay, 1, [0, 20]);
    const saved = replay.state();
    expect(() => make({ capacity: 12 }).loadState(saved)).toThrow(/needs \[12, 1\]/);
    expect(() => make({ environments: 2 }).loadState(saved)).toThrow(/of 1 environments, this run has 2/);
  });
});
