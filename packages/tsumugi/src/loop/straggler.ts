// A rank that takes longer than the others: all wait for it in every step.
import type { Mesh } from '../mesh/index.ts';

/** A rank is one when it takes this much longer than the middle one. Our choice. */
const muchLonger = 1.3;

/** Names the slowest rank for the progress line, when it holds up the others. */
export function stragglerNote({ hosts }: Pick<Mesh, 'hosts'>, seconds: readonly number[] = []): string | undefined {
  if (seconds.length < 2) return undefined;
  const sorted = [...seconds].sort((a, b) => a - b);
  const middle = sorted[(sorted.length - 1) >> 1]!;
  const slowest = sorted.at(-1)!;
  if (slowest < muchLonger * middle) return undefined;
  const rank = seconds.indexOf(slowest);
  return `rank ${rank} on ${hosts[rank]} is slow (${slowest.toFixed(2)} s, others ${middle.toFixed(2)} s)`;
}
