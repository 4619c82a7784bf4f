// Episodes for tests of replay: the observation of step k of an episode e is 100 e + k, the reward k + 1, the action k mod 2.
import type { Outcome } from '../agent.ts';
import { Box, Discrete } from '../spaces/index.ts';

export const spaces = { observationSpace: new Box(-1e9, 1e9, [1]), actionSpace: new Discrete(2) };

export const seen = (value: number): Float32Array => Float32Array.of(value);

interface Adds {
  add(i: number, observation: Float32Array, action: number, outcome: Outcome, extras?: Record<string, number[]>): void;
}

/** Adds steps `from` … `to` − 1 of episode `e` of environment `i`; it ends after them as `end` says. */
export function addSteps(
  replay: Adds,
  e: number,
  [from, to]: [number, number],
  end: 'terminated' | 'truncated' | 'goes on' = 'goes on',
  i = 0,
  extras?: (step: number) => Record<string, number[]>,
): void {
  for (let k = from; k < to; k++) {
    const isLast = k === to - 1;
    const outcome = {
      reward: k + 1,
      next: seen(100 * e + k + 1),
      terminated: isLast && end === 'terminated',
      truncated: isLast && end === 'truncated',
    };
    replay.add(i, seen(100 * e + k), k % 2, outcome, extras?.(k));
  }
}
