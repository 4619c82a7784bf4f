// Where the channels of a changed axis come from, and the factors that keep the function.
//
// With c copies of a channel (c = 1 when channels are only taken away), every tensor that adds the channels up divides by c. That
// is all for FFN channels and heads.
//
// A norm divides by the root of the mean over its channels, which changes with their number n → n' and with uneven copies. So
// channels that are normed (the residual stream, and Δ's) are stored as x' = s·x/√c with s = √(n'/n):
//
//   mean(x'²) = Σ c·s²·x²/c / n' = Σ x²/n = mean(x²)
//
// exactly, ε included, when what was taken away is zero. What makes them is multiplied by s/√c, what takes them by 1/√c, and the gain
// of the norm in between by 1/s. The outputs of the mixers and MLPs, which post-norms norm, have the same scale as the
// residual stream they are added to, so the post-norms' gains stay. A tied head is the embedding, which has the factor s/√c in place of
// 1/√c: the last norm's gain takes 1/s².
import { invariant } from '../../base/index.ts';
import type { Axis, Role, Run } from './axes.ts';

export interface ChannelMap {
  /** The old channel of each new one. */
  readonly from: readonly number[];
  /** Channels before. */
  readonly before: number;
}

export const identityMap = (channels: number): ChannelMap => ({
  from: Array.from({ length: channels }, (_, i) => i),
  before: channels,
});

export const isIdentity = ({ from, before }: ChannelMap): boolean =>
  from.length === before && from.every((channel, i) => channel === i);

const isNormed = (axis: Axis): boolean => axis === 'hidden' || axis === 'dt';

/** s = √(n'/n) */
const normScale = ({ from, before }: ChannelMap): number => Math.sqrt(from.length / before);

/** How often the old channel of each new one is there. */
function copies({ from, before }: ChannelMap): number[] {
  const counts = new Array<number>(before).fill(0);
  for (const channel of from) {
    invariant(channel >= 0 && channel < before, `channel ${channel} is one of ${before}`);
    counts[channel]!++;
  }
  return from.map((channel) => counts[channel]!);
}

/** The factor of each new channel in a tensor of this role; undefined when all are 1. A norm's gain has `gainFactor`. */
export function factors({ axis, role }: { axis: Axis; role: Role }, map: ChannelMap): number[] | undefined {
  if (isIdentity(map) || role === 'each' || role === 'norm') return undefined;
  const scale = normScale(map);
  const made = copies(map).map((c) =>
    isNormed(axis) ? (role === 'make' ? scale : 1) / Math.sqrt(c) : role === 'take' ? 1 / c : 1,
  );
  return made.some((factor) => factor !== 1) ? made : undefined;
}

/** The factor of the gain of a norm over the axis. */
export const gainFactor = (map: ChannelMap, power: 1 | 2): number => normScale(map) ** -power;

/** The rows of a run, which begins at `start`, for the new channels. */
export const rowsOf = ({ each }: Run, { from }: ChannelMap, start: number): number[] =>
  from.flatMap((channel) => Array.from({ length: each }, (_, i) => start + channel * each + i));
