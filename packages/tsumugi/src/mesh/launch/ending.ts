// How a rank ended, in words and as an exit code.
import { constants } from 'node:os';

export interface RankEnd {
  rank: number;
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** As a shell shows it. */
export const exitCodeOf = ({ code, signal }: RankEnd): number =>
  signal === null ? (code ?? 1) : 128 + constants.signals[signal];

const asked = (['SIGHUP', 'SIGINT', 'SIGTERM'] as const).map((signal) => 128 + constants.signals[signal]);

/** Whether the rank ended by itself because a signal asked it to: it has saved, and the others do so too. */
export const hasSaved = ({ code }: RankEnd): boolean => code !== null && asked.includes(code);

export function endText(end: RankEnd): string {
  if (end.signal === null) return `rank ${end.rank} ended with exit code ${end.code}`;
  const memory = end.signal === 'SIGKILL' ? '; where nobody killed it, memory ran out (dmesg tells)' : '';
  return `rank ${end.rank} was ended by ${end.signal}${memory}`;
}
