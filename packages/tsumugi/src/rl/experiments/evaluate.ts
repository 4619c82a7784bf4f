// Measuring an agent: episodes without exploration, in environments of their own.
import { invariant } from '../../base/index.ts';
import type { Actor } from '../agent.ts';
import type { Observation } from '../environment.ts';
import type { VectorEnvironment } from '../vector/index.ts';
import { requireReward } from './rewards.ts';

export interface EvaluateOptions {
  /** How much: whole episodes, or steps. */
  length: { episodes: number } | { steps: number };
  /** Of the environments. */
  seed: number;
  /** Called after every step; what it throws ends the evaluation. */
  pause?: (() => Promise<void>) | undefined;
  /** Told of every step before it is taken and after. */
  watch?: ((step: WatchedStep) => void) | undefined;
}

/** A step of one environment, for whoever looks at it. */
export interface WatchedStep {
  /** From 0, in the order in which episodes began. */
  episode: number;
  /** Steps of the episode, this one included. */
  step: number;
  environment: number;
  observation: Observation;
  action: unknown;
  reward: number;
  next: Observation;
  terminated: boolean;
  truncated: boolean;
}

export interface Evaluation {
  /** In the order in which the episodes began. */
  returns: number[];
  lengths: number[];
}

interface Episode {
  return: number;
  length: number;
  isOver: boolean;
}

/**
 * Runs the actor in all environments at a time. Episodes count in the order in which they began, whichever ended first: of the first
 * `episodes` all, so that short ones are not favoured. With `steps`, as many as fit into that many steps one after the other; one
 * that does not fit is cut off there and counts only when it is the first.
 *
 * @throws UserError `bad-reward` for one that is no number
 */
export async function evaluateActor(
  actor: Actor,
  environments: VectorEnvironment,
  { length, seed, pause, watch }: EvaluateOptions,
): Promise<Evaluation> {
  const { size } = environments;
  const episodes: Episode[] = [];
  const begin = (): number => episodes.push({ return: 0, length: 0, isOver: false }) - 1;
  const current = Array.from({ length: size }, begin);
  for (let i = 0; i < size; i++) actor.reset(i);
  let observations = environments.reset({ seed });
  for (;;) {
    const actions = actor.act(observations);
    const { outcomes, observations: following } = environments.step(actions);
    for (let i = 0; i < size; i++) {
      const { reward, next, terminated, truncated } = outcomes[i]!;
      const episode = episodes[current[i]!]!;
      episode.length++;
      requireReward(reward, i, episode.length);
      episode.return += reward;
      watch?.({
        episode: current[i]!,
        step: episode.length,
        environment: i,
        observation: observations[i]!,
        action: actions[i],
        reward,
        next,
        terminated,
        truncated,
      });
      if (!terminated && !truncated) continue;
      episode.isOver = true;
      actor.reset(i);
      current[i] = begin();
    }
    observations = following;
    const counted = accepted(episodes, length);
    if (counted) return { returns: counted.map((each) => each.return), lengths: counted.map((each) => each.length) };
    await pause?.();
  }
}

/** The episodes that count, once there are enough. */
function accepted(episodes: readonly Episode[], wanted: EvaluateOptions['length']): Episode[] | undefined {
  if ('episodes' in wanted) {
    const first = episodes.slice(0, wanted.episodes);
    return first.length === wanted.episodes && first.every(({ isOver }) => isOver) ? first : undefined;
  }
  const counted: Episode[] = [];
  let taken = 0;
  for (const episode of episodes) {
    taken += episode.length;
    if (taken >= wanted.steps) {
      if (counted.length === 0 || (episode.isOver && taken === wanted.steps)) counted.push(episode);
      return counted;
    }
    if (!episode.isOver) return undefined;
    counted.push(episode);
  }
  return undefined;
}

/** What a number of returns come to; the deviation is the sample's, 0 of one alone. */
export interface Summary {
  mean: number;
  median: number;
  stdev: number;
  max: number;
  min: number;
}

export function summarize(values: readonly number[]): Summary {
  invariant(values.length > 0, 'a summary of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const middle = n >> 1;
  return {
    mean,
    median: n % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2,
    stdev: n < 2 ? 0 : Math.sqrt(squares / (n - 1)),
    max: sorted[n - 1]!,
    min: sorted[0]!,
  };
}
