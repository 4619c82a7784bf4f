// What a run will take, said before its first step: memory and disk first, which can be known before anything is made, then
// time. The numbers come from whoever starts it.
import { UserError } from '../base/index.ts';
import { formatBytes, formatCells, formatCount, formatDuration, formatInteger } from '../run/index.ts';

/** Bytes, and what takes them. */
export interface Amount {
  what: string;
  bytes: number;
}

export const totalBytes = (amounts: readonly Amount[]): number => amounts.reduce((sum, { bytes }) => sum + bytes, 0);

export interface SpaceForecast {
  /** What is forecast, e.g. "pretrain". */
  label: string;
  /** Peak memory. */
  memory: readonly Amount[];
  /** Left out where it is not known: of a GPU. */
  availableMemoryBytes?: number | undefined;
  /** What the run leaves on disk at most. */
  disk: readonly Amount[];
  availableDiskBytes: number;
  /** The folder it is left in. */
  out: string;
  /** What to change when it does not fit into memory, naming the setting. */
  remedy: string;
  /** And on the disk; of what has checkpoints when left out. */
  diskRemedy?: string | undefined;
}

export interface TimeForecast {
  steps: number;
  /** Tokens over all steps. */
  tokens?: number | undefined;
  secondsPerStep: number;
  /** Everything beside the steps: evaluations, checkpoints, preparation. */
  otherSeconds?: number | undefined;
}

export type Forecast = SpaceForecast & TimeForecast;

export const forecastSeconds = ({ steps, secondsPerStep, otherSeconds = 0 }: TimeForecast): number =>
  steps * secondsPerStep + otherSeconds;

/** The forecast as lines for the terminal. */
export function formatForecast(forecast: Forecast): string {
  const { label, steps, tokens, secondsPerStep, memory, availableMemoryBytes, disk, availableDiskBytes, out } =
    forecast;
  const work = [`${formatInteger(steps)} steps`, ...(tokens === undefined ? [] : [`${formatCount(tokens)} tokens`])];
  const pace =
    secondsPerStep < 1e-3
      ? `${formatInteger(1 / secondsPerStep)} steps a second`
      : `${formatDuration(secondsPerStep)} a step`;
  const parts = (amounts: readonly Amount[]) =>
    amounts.map(({ what, bytes }): [string, string] => [`  ${what}`, formatBytes(bytes)]);
  const rows: [string, string][] = [
    ['time', `${formatDuration(forecastSeconds(forecast))} (${pace})`],
    [
      'memory',
      availableMemoryBytes === undefined
        ? formatBytes(totalBytes(memory))
        : `${formatBytes(totalBytes(memory))} of ${formatBytes(availableMemoryBytes)} available`,
    ],
    ...parts(memory),
    ['disk', `${formatBytes(totalBytes(disk))} of ${formatBytes(availableDiskBytes)} available, in ${out}`],
    ...parts(disk),
  ];
  return `${label}: ${work.join(', ')}\n${formatCells(rows, 2)}`;
}

/** @throws UserError with the forecast's remedy when memory will not suffice, where that is known, and with one for the disk */
export function requireFits({
  label,
  memory,
  availableMemoryBytes,
  disk,
  availableDiskBytes,
  ...rest
}: SpaceForecast): void {
  const refuse = (what: string, needed: number, available: number, remedy: string, where = ''): void => {
    if (needed <= available) return;
    throw new UserError(
      `not-enough-${what}`,
      `${label} will need about ${formatBytes(needed)} of ${what}, and ${formatBytes(available)} are available${where}`,
      { remedy, fields: { needed, available } },
    );
  };
  if (availableMemoryBytes !== undefined) refuse('memory', totalBytes(memory), availableMemoryBytes, rest.remedy);
  const where = ` where ${rest.out} is to be`;
  const { diskRemedy = 'Free space there, choose another out, or lower keepLast.' } = rest;
  refuse('disk', totalBytes(disk), availableDiskBytes, diskRemedy, where);
}
