// The published preprocessing of pixel games in its order (Mnih et al. 2015; ChainerRL's and Baselines' `make_atari` and
// `wrap_deepmind`).
import { checkOptions } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import { ClipReward } from './clip-reward.ts';
import { EpisodicLife } from './episodic-life.ts';
import { FireReset, hasFire } from './fire-reset.ts';
import { FlickerFrame } from './flicker-frame.ts';
import { FrameStack } from './frame-stack.ts';
import { MaxAndSkip } from './max-and-skip.ts';
import { NoopReset } from './noop-reset.ts';
import type { Pixels } from './pixels.ts';
import { ScaledFloatFrame } from './scaled-float-frame.ts';
import { StickyActions } from './sticky-actions.ts';
import { TimeLimit } from './time-limit.ts';
import { WarpFrame } from './warp-frame.ts';

export interface FrameOptions {
  /** Frames after which an episode is cut off (108,000: half an hour of play). */
  maxFrames?: number;
  /** Probability that a frame repeats the action before it (0; ALE's v5 has 0.25). */
  sticky?: number;
  /** Most idle steps at the beginning (30); 0: none. */
  noops?: number;
  /** Frames for each action (4). */
  skip?: number;
  /** Whether the loss of a life ends an episode (true); not in evaluation. */
  episodicLife?: boolean;
  /** Whether games are begun with FIRE (false, as ChainerRL; Baselines: where there is such a button). */
  fireReset?: boolean | 'where-there-is-one';
  /** Width and height of the picture (84). */
  size?: number;
  /** Whether pixels are float32 between 0 and 1 (false). */
  scale?: boolean;
  /** Whether rewards are their signs (true); not in evaluation. */
  clipReward?: boolean;
  /** Probability that a frame is black (0; 0.5 in the paper). */
  flicker?: number;
  /** Frames of an observation (4). */
  stack?: number;
}

const known: Record<keyof FrameOptions, true> = {
  maxFrames: true,
  sticky: true,
  noops: true,
  skip: true,
  episodicLife: true,
  fireReset: true,
  size: true,
  scale: true,
  clipReward: true,
  flicker: true,
  stack: true,
};

/** Wraps an environment whose observations are pictures [height, width, 3], one for each frame; it gives [stack, size, size]. */
export function preprocessFrames(
  environment: Environment,
  options: FrameOptions = {},
): Environment<Pixels | Float32Array> {
  checkOptions('preprocessFrames', options, known);
  const { maxFrames = 108_000, sticky = 0, noops = 30, skip = 4, size = 84, flicker = 0, stack = 4 } = options;
  const { episodicLife = true, fireReset = false, scale = false, clipReward = true } = options;
  let frames: Environment<Pixels> = new TimeLimit(environment as Environment<Pixels>, maxFrames);
  if (sticky !== 0) frames = new StickyActions(frames, sticky);
  if (noops !== 0) frames = new NoopReset(frames, noops);
  frames = new MaxAndSkip(frames, skip);
  if (episodicLife) frames = new EpisodicLife(frames);
  if (fireReset === true || (fireReset === 'where-there-is-one' && hasFire(frames))) frames = new FireReset(frames);
  frames = new WarpFrame(frames, size);
  let scaled: Environment<Pixels | Float32Array> = scale ? new ScaledFloatFrame(frames) : frames;
  if (clipReward) scaled = new ClipReward(scaled);
  if (flicker !== 0) scaled = new FlickerFrame(scaled, flicker);
  return new FrameStack(scaled, stack);
}
