// Replay of episodes: what is dropped, what is drawn how often, and that a state put back draws the same.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { ActionOutput } from './action-output.ts';
import { EpisodeReplay } from './episode-replay.ts';
import { Segment, type SegmentLayout } from './segment.ts';

const layout: SegmentLayout = {
  input: new ObservationInput(new Box(-9, 9, [1])),
  output: new ActionOutput(new Discrete(2)),
  stateSize: 0,
  parameterWidths: [],
};

/** One reward for each step. */
function episode(...rewards: number[]): Segment {
  const segment = new Segment(layout);
  const acted = { observations: Float32Array.of(0), actions: Int32Array.of(0), memories: undefined, parameters: [] };
  rewards.forEach((reward, t) => {
    const terminated = t === rewards.length - 1;
    segment.add(acted, { reward, next: Float32Array.of(0), terminated, truncated: false }, 0);
  });
  return segment;
}

/** How often each of the episodes was drawn, as a share. */
function shares(replay: EpisodeReplay, draws: number, count = 1): number[] {
  const counts = replay.episodes.map(() => 0);
  for (let draw = 0; draw < draws; draw++)
    for (const each of replay.sampleEach(count, Infinity)) counts[replay.episodes.indexOf(each)]!++;
  return counts.map((n) => n / draws);
}

it('the oldest episodes go when there are too many steps, but never the last', () => {
  const replay = new EpisodeReplay(5, new RandomStream(1));
  for (const length of [2, 2, 2, 9]) {
    replay.add(episode(...new Array<number>(length).fill(1)));
    expect(replay.length).toBe(replay.episodes.reduce((sum, each) => sum + each.length, 0));
  }
  expect(replay.episodes.map(({ length }) => length)).toEqual([9]);
});

it('draws each episode at most once, all where there are not more, and stretches that are not too long', () => {
  const replay = new EpisodeReplay(100, new RandomStream(1));
  for (const length of [1, 4, 7]) replay.add(episode(...new Array<number>(length).fill(1)));
  for (let draw = 0; draw < 20; draw++) {
    const two = replay.sampleEach(2, Infinity);
    expect(new Set(two).size).toBe(2);
    expect(
      replay
        .sampleEach(9, 3)
        .map(({ length }) => length)
        .sort(),
    ).toEqual([1, 3, 3]);
  }
});

describe('by return', () => {
  const filled = (uniformRatio: number, returns: readonly number[]) => {
    const replay = new EpisodeReplay(1000, new RandomStream(1), { uniformRatio });
    for (const each of returns) replay.add(episode(each / 2, each / 2));
    return replay;
  };

  it.each([
    [0, [0, 1, 2]],
    [0.5, [0, 1, 2]],
    [0, [1000, 1001, 1002]],
    [1, [0, 1, 2]],
  ])('an episode is drawn by exp(return), but for a share of %d', (ratio, returns) => {
    const total = [0, 1, 2].reduce((sum, each) => sum + Math.exp(each), 0);
    const found = shares(filled(ratio, returns), 4000);
    [0, 1, 2].forEach((each, i) => {
      const expected = ratio / 3 + ((1 - ratio) * Math.exp(each)) / total;
      // Four standard deviations of a share of 4000 draws are at most this.
      expect(Math.abs(found[i]! - expected)).toBeLessThan(0.032);
    });
  });

  it('draws none twice, whatever the others’ returns', () => {
    expect(shares(filled(0, [0, 900, 2000]), 50, 3)).toEqual([1, 1, 1]);
    expect(shares(filled(0, [0, 900, 2000]), 50, 2)).toEqual([0, 1, 1]);
  });

  it('draws the same from the same episodes', () => {
    const [replay, other] = [
      filled(0.2, [0, 1, 2, 3]),
      new EpisodeReplay(1000, new RandomStream(1), { uniformRatio: 0.2 }),
    ];
    other.episodes = replay.episodes;
    const drawn = (from: EpisodeReplay) => Array.from({ length: 20 }, () => from.episodes.indexOf(from.sample(9)));
    expect(drawn(other)).toEqual(drawn(replay));
  });
});
