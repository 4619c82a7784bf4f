// What a run will take, said before its first step: time, memory, disk. The numbers come from whoever starts it.
import { UserError } from '../base/index.ts';
import { displayWidth, formatBytes, formatCount, formatDuration, formatInteger } from '../run/index.ts';

export interface Forecast {
  /** What is forecast, e.g. "pretrain". */
  label: string;
  steps: number;
  /** Tokens over all steps. */
  tokens?: number | undefined;
  secondsPerStep: number;
  /** Everything beside the steps: evaluations, checkpoints, preparation. */
  otherSeconds?: number | undefined;
  /** Peak memory by what takes it, in bytes. */
  memory: readonly { what: string; bytes: number }[];
  availableMemoryBytes: number;
  /** What the run leaves on disk at most, in bytes. */
  diskBytes?: number | undefined;
  availableDiskBytes?: number | undefined;
  /** The folder it is left in. */
  out?: string | undefined;
  /** What to change when it does not fit into memory, naming the option. */
  remedy: string;
}

export const forecastSeconds = ({ steps, secondsPerStep, otherSeconds = 0 }: Forecast): number =>
  steps * secondsPerStep + otherSeconds;

export const forecastMemory = ({ memory }: Forecast): number => memory.reduce((sum, { bytes }) => sum + bytes, 0);

/** The forecast as lines for the terminal. */
export function formatForecast(forecast: Forecast): string {
  const { label, steps, tokens, secondsPerStep, availableMemoryBytes, diskBytes, availableDiskBytes } = forecast;
  const work = [`${formatInteger(steps)} steps`, ...(tokens === undefined ? [] : [`${formatCount(tokens)} tokens`])];
  const rows: [string, string][] = [
    ['time', `${formatDuration(forecastSeconds(forecast))} (${formatDuration(secondsPerStep)} a step)`],
    ['memory', `${formatBytes(forecastMemory(forecast))} of ${formatBytes(availableMemoryBytes)} available`],
    ...forecast.memory.map(({ what, bytes }): [string, string] => [`  ${what}`, formatBytes(bytes)]),
  ];
  if (diskBytes !== undefined) {
    const available = availableDiskBytes === undefined ? '' : ` of ${formatBytes(availableDiskBytes)} available`;
    rows.push(['disk', `${formatBytes(diskBytes)}${available}`]);
  }
  const width = Math.max(...rows.map(([what]) => displayWidth(what)));
  const lines = rows.map(([what, value]) => `  ${what}${' '.repeat(width - displayWidth(what))}  ${value}`);
  return [`${label}: ${work.join(', ')}`, ...lines].join('\n');
}

/** @throws UserError with the forecast's remedy when memory will not suffice, and with one for the disk */
export function requireFits(forecast: Forecast): void {
  const { label, availableMemoryBytes, diskBytes, availableDiskBytes, out } = forecast;
  const refuse = (what: string, needed: number, available: number, remedy: string, where = ''): void => {
    if (needed <= available) return;
    throw new UserError(
      `not-enough-${what}`,
      `${label} will need about ${formatBytes(needed)} of ${what}, and ${formatBytes(available)} are available${where}`,
      { remedy, fields: { needed, available } },
    );
  };
  refuse('memory', forecastMemory(forecast), availableMemoryBytes, forecast.remedy);
  if (diskBytes === undefined || availableDiskBytes === undefined) return;
  const where = out === undefined ? '' : ` where ${out} is to be`;
  refuse('disk', diskBytes, availableDiskBytes, 'Free space there, choose another out, or lower keepLast.', where);
}
