// The wrappers of pixel games: each does what its paper says, and all of them go on from a snapshot bit for bit.
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import { Pendulum } from '../environments/classic/pendulum.ts';
import { Box, Discrete } from '../spaces/index.ts';
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

  it('begins a new game for a seed, and for options', () => {
    const frames = new EpisodicLife(new FrameGame(1));
    frames.reset({ seed: 5 });
    frames.step(3);
    expect(pixel(frames.reset({ seed: 8 }).observation)).toEqual([0, 0, 8]);
    frames.step(3);
    expect(pixel(frames.reset({ options: {} }).observation)).toEqual([0, 0, 9]);
  });

  it('ends no episode for a life that is won, nor for lives of 0 in a game that goes on', () => {
    const game = new FrameGame();
    const step = game.step.bind(game);
    const lives = [3, 4, 4, 0, 0];
    game.step = (action) => ({ ...step(action), info: { lives: lives.shift() } });
    const frames = new EpisodicLife(game);
    frames.reset({ seed: 1 });
    expect([1, 2, 3, 4, 5].map(() => frames.step(0).terminated)).toEqual([false, false, false, false, false]);
  });
});

describe('FireReset', () => {
  it('begins with FIRE and the third action, again where the episode ends meanwhile', () => {
    const game = new FrameGame();
    expect(pixel(new FireReset(game).reset({ seed: 1 }).observation)).toEqual([2, 2, 1]);
    expect(game.log).toEqual([-1, 1, 2]);
    const short = new FrameGame(0.5);
    // The second episode is another one.
    expect(pixel(new FireReset(short).reset({ seed: 1 }).observation)).toEqual([0, 0, 2]);
  });

  it('refuses a game without a third action', () => {
    class Two extends FrameGame {
      override readonly actionSpace = new Discrete(2);
    }
    expect(() => new FireReset(new Two())).toThrow(/is for games whose second action is FIRE/);
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
  it.each([0.5, 0.2])('gives black frames as often as it says: %d', (probability) => {
    const frames = new FlickerFrame(new FrameGame(), probability);
    frames.reset({ seed: 4 });
    const black = Array.from({ length: 1000 }, () => frames.step(1).observation).filter((frame) =>
      frame.every((x) => x === 0),
    );
    expect(Math.abs(black.length / 1000 - probability)).toBeLessThan(0.06);
  });
});

it('what is left out is as published', () => {
  const game = new FrameGame();
  expect(new FlickerFrame(game).probability).toBe(0.5);
  expect(new StickyActions(game).probability).toBe(0.25);
  expect(new FrameStack(game).count).toBe(4);
  expect(new MaxAndSkip(game).skip).toBe(4);
  expect(new NoopReset(game).most).toBe(30);
  expect(new WarpFrame(game).observationSpace.shape).toEqual([1, 84, 84]);
});

it('probabilities are at most 1, and of sticky actions less', () => {
  const game = new FrameGame();
  for (const make of [
    () => new FlickerFrame(game, 1.5),
    () => new FlickerFrame(game, -1),
    () => new StickyActions(game, 1),
  ])
    expect(make).toThrow(ConfigError);
});

describe('random numbers of wrappers', () => {
  const run = (frames: Environment, seed?: number) => {
    frames.reset(seed === undefined ? {} : { seed });
    return Array.from({ length: 40 }, (_, t) => bytes(frames.step(t % 4).observation as Uint8Array).slice(0, 3));
  };

  it('are others for wrappers of other kinds', () => {
    // Frames that are black, and steps that are sticky, would be the same ones.
    const black = run(new FlickerFrame(new FrameGame(), 0.5), 1).map(([frame]) => frame === 0);
    const stuck = run(new StickyActions(new FrameGame(), 0.5), 1).map(([, action], t) => action !== t % 4);
    expect(black.slice(1)).not.toEqual(stuck.slice(1));
  });

  it('without a seed go on, and a restored one without a stream begins a new one', () => {
    const fresh = new FlickerFrame(new FrameGame(), 0.5);
    const snapshot = fresh.snapshot!();
    const used = new FlickerFrame(new FrameGame(), 0.5);
    const again = new FlickerFrame(new FrameGame(), 0.5);
    for (const each of [used, again]) {
      run(each, 3);
      each.restore!(snapshot);
    }
    // 40 frames by chance: two streams that were made anew are not alike.
    expect(run(used)).not.toEqual(run(again));
  });
});

describe('pixels', () => {
  it('are averaged over areas: hand-computed thirds, and every pixel of an integer scale alike', () => {
    const thirds = new AreaResize({ width: 3, height: 1 }, { width: 2, height: 1 });
    expect(bytes(thirds.resize(Uint8Array.of(30, 60, 90)))).toEqual([40, 80]);
    const halves = new AreaResize({ width: 4, height: 2 }, { width: 2, height: 1 });
    expect(bytes(halves.resize(Uint8Array.of(0, 1, 10, 20, 2, 3, 30, 41)))).toEqual([2, 25]);
    // Of even numbers half a step is rounded down, of odd ones up.
    expect(bytes(new AreaResize({ width: 2, height: 1 }, { width: 1, height: 1 }).resize(Uint8Array.of(0, 1)))).toEqual(
      [0],
    );
    expect(bytes(new AreaResize({ width: 2, height: 1 }, { width: 1, height: 1 }).resize(Uint8Array.of(1, 2)))).toEqual(
      [2],
    );
    // 6 pixels to 5: a fifth of the second belongs to the first.
    const fifths = new AreaResize({ width: 6, height: 1 }, { width: 5, height: 1 });
    expect(bytes(fifths.resize(Uint8Array.of(0, 30, 60, 90, 120, 150)))).toEqual([5, 40, 75, 110, 145]);
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

  it('of one channel stay as they are, with and without an axis for it', () => {
    for (const shape of [
      [2, 3],
      [2, 3, 1],
    ]) {
      const game = new FrameGame();
      const gray = Object.assign(game, {
        observationSpace: new Box(0, 255, shape, 'uint8'),
        reset: () => ({ observation: Uint8Array.of(10, 20, 30, 40, 50, 60), info: {} }),
      });
      expect(bytes(new WarpFrame(gray, 1).reset().observation)).toEqual([35]);
    }
    for (const shape of [[2, 3, 2], [2, 2, 3, 1], [6]]) {
      const other = Object.assign(new FrameGame(), { observationSpace: new Box(0, 255, shape, 'uint8') });
      expect(() => new WarpFrame(other), String(shape)).toThrow(/pictures are \[height, width, 3\]/);
    }
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
    const pendulum = new Pendulum();
    for (const Wrap of [NoopReset, EpisodicLife, FireReset])
      expect(() => new Wrap(pendulum as never)).toThrow(/is for a Discrete space of actions, that of Pendulum-v1/);
    const counted = { ...numbers, observationSpace: new Discrete(3) } as unknown as Environment<Uint8Array>;
    for (const Wrap of [MaxAndSkip, FlickerFrame, FrameStack] as (new (
      inner: never,
    ) => unknown)[])
      expect(() => new Wrap(counted as never)).toThrow(/is for observations that are arrays/);
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
    // No action is sticky, and the loss of a life ends an episode.
    const game = new FrameGame(50);
    const bare = preprocessFrames(game, { size: 2, noops: 0 });
    bare.reset({ seed: 0 });
    let last = step;
    for (let t = 0; !last.terminated; t++) last = bare.step(t % 4);
    expect(last.info).toEqual({ lives: 2 });
    expect(game.log.slice(1)).toEqual(game.log.slice(1).map((_, t) => Math.floor(t / 4) % 4));
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
