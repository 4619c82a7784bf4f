// What a command that makes a model of a model would take, as rows of its --plan.
import { availableDisk } from '../base/index.ts';
import { formatBytes, formatDuration } from '../run/index.ts';

interface Cost {
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** @param ofTime what is to be said of the time besides */
export const costRows = (
  { seconds, memoryBytes, diskBytes }: Cost,
  out: string,
  ofTime = '',
): (readonly [string, string])[] => [
  ['time', `about ${formatDuration(seconds)}${ofTime}`],
  ['memory', `${formatBytes(memoryBytes)} of ${formatBytes(process.availableMemory())} available`],
  ['disk', `${formatBytes(diskBytes)} of ${formatBytes(availableDisk(out))} available, in ${out}`],
];
