// Replay on disk: what a folder gives back, what a crash leaves, and a run that goes on from a checkpoint.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FormatError, RandomStream, UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { scope } from '../../torch/index.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { EpisodicReplayBuffer } from './episodic.ts';
import { PersistentReplay } from './persistent.ts';
import { addSteps, spaces } from './replay.testing.ts';
import { ReplayBuffer, type ReplayOptions } from './replay-buffer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-replay-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (given: Partial<ReplayOptions> = {}, chunkBytes?: number) => {
  const options = { capacity: 100, ...spaces, rng: new RandomStream(1), ...given };
  return new PersistentReplay(new ReplayBuffer(options), options, { folder, ...(chunkBytes && { chunkBytes }) });
};

/** Everything that can be drawn, by its first observation. */
function contents({ buffer }: PersistentReplay<ReplayBuffer>): number[][] {
  const { size, observations, actions, rewards, nexts, terminated } = buffer.sample(buffer.length, 1);
  return Array.from({ length: size }, (_, i) => [
    observations[i]!,
    actions[i]!,
    rewards[i]!,
    nexts[i]!,
    terminated[i]!,
  ]).sort(([a], [b]) => a! - b!);
}
const files = () => readdirSync(folder).map((name) => join(folder, name));

it('begins with what was added before, also by several processes one after the other', () => {
  const before: number[][] = [];
  {
    using replay = open({ environments: 2 });
    addSteps(replay, 1, [0, 3], 'terminated');
    addSteps(replay, 2, [0, 2], 'truncated', 1);
    addSteps(replay, 5, [0, 2], 'terminated', 1);
    addSteps(replay, 3, [0, 2]);
    before.push(...contents(replay));
  }
  {
    using replay = open({ environments: 2 });
    expect(contents(replay)).toEqual(before);
    addSteps(replay, 4, [0, 2], 'terminated');
    before.push(...contents(replay).filter(([first]) => first! >= 400 && first! < 500));
    before.sort(([a], [b]) => a! - b!);
  }
  using replay = open({ environments: 2 });
  expect(contents(replay)).toEqual(before);
  expect(files().length).toBe(2);
});

it('reads the newest chunks only, as many as it has room for', () => {
  {
    using replay = open({ capacity: 400 }, 500);
    for (let e = 1; e <= 40; e++) addSteps(replay, e, [0, 3], 'terminated');
  }
  expect(files().length).toBeGreaterThan(5);
  // The oldest one is not even looked at.
  writeFileSync(files()[0]!, 'broken\nbroken');
  using replay = open({ capacity: 12 });
  expect(contents(replay).map(([first]) => first)).toEqual([3800, 3801, 3802, 3900, 3901, 3902, 4000, 4001, 4002]);
});

it('gives the rest of an episode whose beginning is in an older chunk', () => {
  {
    using replay = open({ capacity: 400 }, 300);
    addSteps(replay, 1, [0, 60], 'terminated');
  }
  using replay = open({ capacity: 20 });
  const first = contents(replay).map(([value]) => value!);
  expect(first.at(-1)).toBe(159);
  expect(first.length).toBe(19);
});

it.each([1, 5, 9, 20])('leaves out a last record that lacks its last %d bytes', (missing) => {
  {
    using replay = open();
    addSteps(replay, 1, [0, 4], 'terminated');
  }
  const [path] = files() as [string];
  truncateSync(path, statSync(path).size - missing);
  using replay = open();
  // The step before it ends the episode now, without being its end.
  expect(contents(replay).map(([first, , , , terminated]) => [first, terminated])).toEqual([[100, 0], [101, 0], [102, 0]]); // biome-ignore format: pairs
});

it('leaves out a last record with other bytes, and refuses one in the middle', () => {
  {
    using replay = open();
    addSteps(replay, 1, [0, 4], 'terminated');
  }
  const [path] = files() as [string];
  const whole = readFileSync(path);
  const flip = (at: number) => {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
  };
  flip(whole.length - 1);
  {
    using replay = open();
    expect(replay.length).toBe(3);
  }
  flip(whole.indexOf(10) + 20);
  expect(thrown(FormatError, () => open()).message).toMatch(/the record at byte \d+ does not match its checksum/);
});

it('takes a chunk whose header was never written', () => {
  writeFileSync(join(folder, 'chunk-000001.rows'), '{"half');
  using replay = open();
  addSteps(replay, 1, [0, 2], 'terminated');
  expect(replay.length).toBe(2);
});

it('refuses the steps of other spaces', () => {
  {
    using replay = open();
    addSteps(replay, 1, [0, 2], 'terminated');
  }
  expect(thrown(UserError, () => open({ actionSpace: new Discrete(3) })).code).toBe('wrong-replay');
});

it('goes on from a checkpoint, and forgets what came after it', () => {
  scope(() => {
    using replay = open({}, 200);
    addSteps(replay, 1, [0, 3]);
    const { tensors, state } = replay.state();
    const saved = {
      tensors: tensors.map(([name, each]) => [name, each.clone()] as const),
      state: structuredClone(state),
    };
    addSteps(replay, 1, [3, 30], 'terminated');
    replay.flush();
    {
      using resumed = open({}, 200);
      resumed.loadState(saved);
      expect(contents(resumed).map(([first]) => first)).toEqual([100, 101, 102]);
      addSteps(resumed, 1, [3, 5], 'terminated');
    }
    using later = open({}, 200);
    expect(contents(later).map(([first]) => first)).toEqual([100, 101, 102, 103, 104]);
    expect(contents(later).at(-1)![4]).toBe(1);
  });
});

it('keeps stacks, counted observations, continuous actions and extras', () => {
  const stacked = { observationSpace: new Box(0, 255, [3, 1, 1], 'uint8'), stack: 3 };
  const at = (k: number) => Uint8Array.of(Math.max(0, k - 2), Math.max(0, k - 1), k);
  {
    using replay = open(stacked);
    for (let k = 0; k < 5; k++)
      replay.add(0, at(k), 1, { reward: k, next: at(k + 1), terminated: k === 4, truncated: false });
  }
  {
    using replay = open(stacked);
    const { size, observations, nexts, rewards } = replay.buffer.sample(5, 1);
    for (let i = 0; i < size; i++) {
      expect([...observations.subarray(3 * i, 3 * i + 3)]).toEqual([...at(rewards[i]!)]);
      expect([...nexts.subarray(3 * i, 3 * i + 3)]).toEqual([...at(rewards[i]! + 1)]);
    }
  }
  rmSync(folder, { recursive: true });
  const other = { observationSpace: new Discrete(9), actionSpace: new Box(-1, 1, [2]), extras: { mu: 1, state: 2 } };
  const make = () => {
    const options = { capacity: 20, ...other, rng: new RandomStream(1) };
    return new PersistentReplay(new EpisodicReplayBuffer(options), options, { folder });
  };
  {
    using replay = make();
    replay.add(
      0,
      3,
      Float32Array.of(0.5, -0.25),
      { reward: 1, next: 4, terminated: false, truncated: false },
      { mu: [2], state: [3, 4] },
    );
    replay.cut(0);
  }
  // In which order the names are given makes no difference.
  other.extras = Object.fromEntries(Object.entries(other.extras).reverse()) as typeof other.extras;
  using replay = make();
  const batch = replay.buffer.sampleEpisodes(1);
  expect([[...batch.observations], [...batch.actions], [...batch.extras['mu']!], [...batch.extras['state']!]]).toEqual([
    [3, 4],
    [0.5, -0.25],
    [2],
    [3, 4],
  ]);
});

it('writes what is larger than its buffer', () => {
  const wide = { observationSpace: new Box(-1e9, 1e9, [80_000]) };
  const row = (value: number) => new Float32Array(80_000).fill(value);
  {
    using replay = open({ ...wide, capacity: 10 });
    replay.add(0, row(1), 0, { reward: 1, next: row(2), terminated: true, truncated: false });
  }
  using replay = open({ ...wide, capacity: 10 });
  const { observations, nexts } = replay.buffer.sample(1, 1);
  expect([observations[0], nexts.at(-1)]).toEqual([1, 2]);
});

it('refuses to write where another buffer does, and leaves what that one wrote', () => {
  using one = open();
  using other = open();
  addSteps(one, 1, [0, 3], 'terminated');
  one.flush();
  expect(thrown(UserError, () => addSteps(other, 2, [0, 3], 'terminated')).message).toMatch(
    /is there already: another buffer writes into .*\n.*a folder of its own/,
  );
  using again = open();
  expect(again.length).toBe(3);
});
