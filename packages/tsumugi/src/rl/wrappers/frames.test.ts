// The wrappers of pixel games: each does what its paper says, and all of them go on from a snapshot bit for bit.
import { describe, expect, it } from 'vitest';
import type { Environment } from '../environment.ts';
import { Box } from '../spaces/index.ts';
import { AreaResize } from './area-resize.ts';
import { ClipReward } from './clip-reward.ts';
import { EpisodicLife } from './episodic-life.ts';
import { FireReset } from './fire-reset.ts';
import { FlickerFrame } from './flicker-frame.ts';
import { FrameGame, pixel } from './frame-game.testing.ts';
import { FrameStack } from './frame-stack.ts';
import { MaxAndSkip } from './max-and-skip.ts';
import { NoopReset } from './noop-reset.ts';
import { type FrameOptions, preprocessFrames } from './preprocess-frames.ts';
import { ScaledFloatFrame } from './scaled-float-frame.ts';
import { StickyActions } from './sticky-actions.ts';
import { WarpFrame } from './warp-frame.ts';

const bytes = (frame: ArrayLike<number>) => Array.from(frame);

describe('NoopReset', () => {
  it('begins with 1 to most idle steps, all alike often, the same for the same seed', () => {
    const game = new FrameGame();
    const frames = new NoopReset(game, 5);
    const idle = (seed?: number) => pixel(frames.reset(seed === undefined ? {} : { seed }).observation)[0]!;
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 200; seed++) counts.set(idle(seed), (counts.get(idle(seed)) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual([1, 2, 3, 4, 5]);
    expect(Math.min(...counts.values())).toBeGreaterThan(20);
    expect(new Set(game.log)).toEqual(new Set([-1, 0]));
    const later = Array.from({ length: 20 }, () => idle());
    expect(new Set(later).size).toBeGreaterThan(1);
  });

  it('begins anew where the episode ends meanwhile', () => {
    const game = new FrameGame(1);
    const frames = new NoopReset(game, 30);
    for (let seed = 0; seed < 10; seed++) expect(pixel(frames.reset({ seed }).observation)[0]).toBeLessThan(3);
  });
});

describe('MaxAndSkip', () => {
  it('makes an action four times, adds the rewards, and gives the maximum of the last two frames', () => {
    const frames = new MaxAndSkip(new FrameGame());
    frames.reset({ seed: 7 });
    const step = frames.step(3);
    expect(step.reward).toBe(1 + 2 + 3 + 4);
    expect(pixel(step.observation)).toEqual([4, 3, 7]);
  });

  it('takes the brighter of the two in each pixel', () => {
    const values = [9, 1, 5, 2];
    let at = 0;
    const inner = new FrameGame();
    inner.step = () => {
      const observation = Uint8Array.of(values[at]!, 10 - values[at++]!);
      return { observation, reward: 1, terminated: false, truncated: false, info: {} };
    };
    const frames = new MaxAndSkip(inner, 4);
    expect(bytes(frames.step(0).observation)).toEqual([5, 8]);
  });

  it('stops at the end of an episode, also at its first frame, where the frame before counts', () => {
    const game = new FrameGame(3);
    const frames = new MaxAndSkip(game, 4);
    frames.reset({ seed: 1 });
    frames.step(3);
    frames.step(3);
    const last = frames.step(0);
    expect(last).toMatchObject({ reward: 9, terminated: true });
    expect(pixel(last.observation)).toEqual([9, 3, 1]);
    expect(game.log).toEqual([-1, 3, 3, 3, 3, 3, 3, 3, 3, 0]);
  });
});

describe('EpisodicLife', () => {
  it('ends an episode with a life, goes on with the same game, and ends with the last life as the game does', () => {
    const game = new FrameGame(2);
    const frames = new EpisodicLife(game);
    frames.reset({ seed: 5 });
    expect(frames.step(3).terminated).toBe(false);
    expect(frames.step(3)).toMatchObject({ terminated: true, info: { lives: 2 } });
    expect(() => frames.step(3)).toThrow(/ended with a life/);
    expect(pixel(frames.reset().observation)).toEqual([3, 0, 5]);
    expect(frames.step(3)).toMatchObject({ terminated: true, info: { lives: 1 } });
    frames.reset();
    expect(frames.step(3)).toMatchObject({ terminated: true, info: { lives: 0 } });
    expect(pixel(frames.reset().observation)).toEqual([0, 0, 6]);
    expect(game.log.filter((action) => action === -1)).toHaveLength(2);
  });

  it('begins a new game for a seed', () => {
    const frames = new EpisodicLife(new FrameGame(1));
    frames.reset({ seed: 5 });
    frames.step(3);
    expect(pixel(frames.reset({ seed: 8 }).observation)).toEqual([0, 0, 8]);
  });
});

describe('FireReset', () => {
  it('begins with FIRE and the third action, again where the episode ends meanwhile', () => {
    const game = new FrameGame();
    expect(pixel(new FireReset(game).reset({ seed: 1 }).observation)).toEqual([2, 2, 1]);
    expect(game.log).toEqual([-1, 1, 2]);
    const short = new FrameGame(0.5);
    expect(pixel(new FireReset(short).reset({ seed: 1 }).observation)[0]).toBe(0);
  });

  it('refuses a game without FIRE', () => {
    expect(() => new FireReset(new FrameGame(9, ['NOOP', 'LEFT', 'RIGHT', 'UP']))).toThrow(/second action is FIRE/);
  });
});

describe('StickyActions', () => {
  it('repeats the action that was made before, as often as it says', () => {
    const game = new FrameGame();
    const frames = new StickyActions(game, 0.25);
    frames.reset({ seed: 2 });
    const given = Array.from({ length: 4000 }, (_, t) => t % 4);
    for (const action of given) frames.step(action);
    const made = game.log.slice(1);
    const stuck = made.filter((action, t) => action !== given[t]);
    expect(stuck.length / given.length).toBeGreaterThan(0.22);
    expect(stuck.length / given.length).toBeLessThan(0.28);
    expect(made.every((action, t) => action === given[t] || action === made[t - 1])).toBe(true);
    frames.reset();
    frames.step(3);
    expect(game.log.at(-1)).toBe(3);
  });
});

describe('FlickerFrame', () => {
  it('gives black frames as often as it says', () => {
    const frames = new FlickerFrame(new FrameGame(), 0.5);
    frames.reset({ seed: 4 });
    const black = Array.from({ length: 1000 }, () => frames.step(1).observation).filter((frame) =>
      frame.every((x) => x === 0),
    );
    expect(black.length).toBeGreaterThan(440);
    expect(black.length).toBeLessThan(560);
  });
});

describe('pixels', () => {
  it('are averaged over areas: hand-computed thirds, and every pixel of an integer scale alike', () => {
    const thirds = new AreaResize({ width: 3, height: 1 }, { width: 2, height: 1 });
    expect(bytes(thirds.resize(Uint8Array.of(30, 60, 90)))).toEqual([40, 80]);
    const halves = new AreaResize({ width: 4, height: 2 }, { width: 2, height: 1 });
    expect(bytes(halves.resize(Uint8Array.of(0, 1, 10, 20, 2, 3, 30, 41)))).toEqual([2, 25]);
    const none = new AreaResize({ width: 3, height: 1 }, { width: 3, height: 1 });
    expect(bytes(none.resize(Uint8Array.of(1, 255, 7)))).toEqual([1, 255, 7]);
  });

  it('become gray by the weights of Rec. 601, channels first', () => {
    const frames = new WarpFrame(new FrameGame(), 2);
    expect(frames.observationSpace).toMatchObject({ shape: [1, 2, 2], dtype: 'uint8' });
    frames.reset({ seed: 200 });
    for (let i = 0; i < 99; i++) frames.step(0);
    // 0.299 · 100 + 0.587 · 3 + 0.114 · 200
    expect(bytes(frames.step(3).observation)).toEqual([54, 54, 54, 54]);
  });

  it('are scaled to 1', () => {
    const frames = new ScaledFloatFrame(new FrameGame());
    frames.reset({ seed: 255 });
    expect([...frames.step(51).observation.slice(0, 3)]).toEqual([1 / 255, 51 / 255, 1].map(Math.fround));
    expect((frames.observationSpace as Box).high[0]).toBe(1);
  });

  it('are refused where they are none', () => {
    const numbers = { id: 'x', observationSpace: new Box(0, 1, [4, 6, 3]), actionSpace: new FrameGame().actionSpace };
    const inner = numbers as unknown as Environment<Uint8Array>;
    for (const Wrap of [MaxAndSkip, WarpFrame, ScaledFloatFrame])
      expect(() => new Wrap(inner)).toThrow(/is for pixels of 8 bits/);
  });
});

describe('ClipReward', () => {
  it('leaves the sign', () => {
    const inner = new FrameGame();
    const step = inner.step.bind(inner);
    const rewards = [5, 0, -0.1];
    inner.step = (action) => ({ ...step(action), reward: rewards.shift()! });
    const frames = new ClipReward(inner);
    expect([frames.step(0), frames.step(0), frames.step(0)].map(({ reward }) => reward)).toEqual([1, 0, -1]);
  });
});

describe('FrameStack', () => {
  it('gives the last frames, the oldest first, and an episode begins with copies of its first', () => {
    const frames = new FrameStack(new WarpFrame(new FrameGame(), 1), 3);
    expect(frames.observationSpace.shape).toEqual([3, 1, 1]);
    for (let episode = 0; episode < 40; episode++) {
      const first = bytes(frames.reset({ seed: 0 }).observation);
      expect(first).toEqual([0, 0, 0]);
      const seen = Array.from({ length: 7 }, () => frames.step(0).observation);
      // 0.299 · the frame’s number
      expect(seen.map(bytes)).toEqual([
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 1],
        [1, 1, 1],
        [1, 1, 1],
        [1, 1, 2],
        [1, 2, 2],
      ]);
    }
  });

  it('shares frames and writes none again that it gave out', () => {
    const frames = new FrameStack(new FrameGame(), 4);
    const given = [frames.reset({ seed: 0 }).observation];
    for (let t = 0; t < 200; t++) given.push(frames.step(t % 4).observation);
    expect(given[2]!.buffer).toBe(given[1]!.buffer);
    expect(new Set(given.map(({ buffer }) => buffer)).size).toBeLessThan(6);
    for (const [t, observation] of given.entries())
      expect([0, 1, 2, 3].map((i) => observation[i * 72])).toEqual([3, 2, 1, 0].map((back) => Math.max(0, t - back)));
  });
});

describe('preprocessFrames', () => {
  const play = (environment: Environment, actions: number[]) =>
    actions.map((action) => {
      const { observation, reward, terminated, truncated } = environment.step(action);
      const first = terminated || truncated ? environment.reset().observation : undefined;
      return [bytes(observation as Uint8Array), reward, terminated, truncated, first && bytes(first as Uint8Array)];
    });

  it('has the published defaults', () => {
    const frames = preprocessFrames(new FrameGame(50));
    expect(String(frames.observationSpace)).toBe('Box(0, 255, [4, 84, 84], uint8)');
    frames.reset({ seed: 0 });
    const step = frames.step(1);
    expect(step.reward).toBe(1);
    expect(step.observation).toHaveLength(4 * 84 * 84);
  });

  it('goes on from a snapshot bit for bit, with everything in it', () => {
    const all: FrameOptions = {
      ...{ sticky: 0.25, noops: 5, skip: 3, episodicLife: true, fireReset: true, size: 2, flicker: 0.3, stack: 3 },
      maxFrames: 90,
    };
    const frames = preprocessFrames(new FrameGame(20), all);
    const actions = Array.from({ length: 60 }, (_, t) => (t * 7) % 4);
    frames.reset({ seed: 3 });
    play(frames, actions.slice(0, 9));
    const snapshot = JSON.parse(JSON.stringify(frames.snapshot!()));
    const expected = play(frames, actions);
    expect(expected.some(([, , terminated]) => terminated)).toBe(true);
    const other = preprocessFrames(new FrameGame(20), all);
    other.restore!(snapshot);
    expect(play(other, actions)).toEqual(expected);
    frames.reset({ seed: 3 });
    play(frames, actions.slice(0, 9));
    expect(play(frames, actions)).toEqual(expected);
  });

  it.each<[FrameOptions]>([
    [{ maxFrames: 20 }],
    [{ sticky: 0.9 }],
    [{ noops: 0 }],
    [{ skip: 2 }],
    [{ episodicLife: false }],
    [{ fireReset: true }],
    [{ fireReset: 'where-there-is-one' }],
    [{ size: 3 }],
    [{ scale: true }],
    [{ clipReward: false }],
    [{ flicker: 0.5 }],
    [{ stack: 2 }],
  ])('does something else with %o', (options) => {
    const small = { size: 2 };
    const run = (given: FrameOptions) => {
      const frames = preprocessFrames(new FrameGame(20), { ...small, ...given });
      frames.reset({ seed: 0 });
      return play(
        frames,
        Array.from({ length: 12 }, (_, t) => t % 4),
      );
    };
    expect(run(options)).not.toEqual(run({}));
  });

  it('cuts off after frames, not steps', () => {
    const frames = preprocessFrames(new FrameGame(), { maxFrames: 20, noops: 0, size: 2 });
    frames.reset({ seed: 0 });
    const ends = Array.from({ length: 5 }, () => frames.step(0).truncated);
    expect(ends).toEqual([false, false, false, false, true]);
  });

  it('refuses an option that is none', () => {
    expect(() => preprocessFrames(new FrameGame(), { stacked: 4 } as never)).toThrow(/no option "stacked"/);
  });
});
