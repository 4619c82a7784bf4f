// What the stages of a recipe will take: time, memory, disk, and the table of them.
import { formatBytes, formatCells, formatDuration } from '../run/index.ts';
import type { Json } from '../store/index.ts';

export type Resource = 'time' | 'memory' | 'disk';

/** What one stage takes. */
export interface StageForecast {
  readonly seconds: number;
  /** Peak memory by what takes it, in bytes. */
  readonly memory: readonly { what: string; bytes: number }[];
  /** What it leaves on disk at most, in bytes. */
  readonly diskBytes: number;
  /** The metrics that it is expected to have, for the forecasts of later stages. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** What else later stages need to know of the artefact until it is made, e.g. a model's config. */
  readonly about?: Json;
  /** Settings that lower a resource, the best first. A number is halved, a boolean set to true, anything else only named. */
  readonly lowers?: Readonly<Partial<Record<Resource, readonly string[]>>>;
}

export const memoryOf = ({ memory }: StageForecast): number => memory.reduce((sum, { bytes }) => sum + bytes, 0);

/** A stage's forecast, with the share of its time that is still to be spent. */
export interface ForecastRow {
  /** The stage's name. */
  readonly stage: string;
  /** "unchanged", "goes on", "new". */
  readonly state: string;
  /** Undefined when the stage is skipped. */
  readonly forecast: StageForecast | undefined;
  readonly config: Json;
  /** 1 unless a part was done before it was cut off. */
  readonly shareLeft: number;
  /** Bytes that its folder holds already. */
  readonly diskBytesThere: number;
  /** The forecast with other settings; undefined when the stage does not take them. */
  forecastWith(changes: Readonly<Record<string, Json>>): Promise<StageForecast | undefined>;
}

export interface Available {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** Time there is, in seconds, when a limit was set. */
  readonly seconds?: number | undefined;
}

export interface Totals {
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export const secondsLeft = (row: ForecastRow): number => (row.forecast?.seconds ?? 0) * row.shareLeft;
export const diskLeft = (row: ForecastRow): number => Math.max(0, (row.forecast?.diskBytes ?? 0) - row.diskBytesThere);

/** Times and disk add up; memory is that of the largest stage. */
export function totalsOf(rows: readonly ForecastRow[]): Totals {
  const sum = (of: (row: ForecastRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return {
    seconds: sum(secondsLeft),
    memoryBytes: Math.max(0, ...rows.map(({ forecast }) => (forecast ? memoryOf(forecast) : 0))),
    diskBytes: sum(diskLeft),
  };
}

/** The forecast as a table for the terminal. */
export function formatForecastTable(rows: readonly ForecastRow[], available: Available): string {
  const totals = totalsOf(rows);
  const line = (row: ForecastRow): string[] =>
    row.forecast
      ? [
          row.stage,
          row.state,
          formatDuration(secondsLeft(row)),
          formatBytes(memoryOf(row.forecast)),
          formatBytes(diskLeft(row)),
        ]
      : [row.stage, row.state, '–', '–', '–'];
  const limits = [
    'available',
    '',
    available.seconds === undefined ? '' : formatDuration(available.seconds),
    formatBytes(available.memoryBytes),
    formatBytes(available.diskBytes),
  ];
  const cells = [
    ['stage', '', 'time', 'memory', 'disk'],
    ...rows.map(line),
    ['total', '', formatDuration(totals.seconds), formatBytes(totals.memoryBytes), formatBytes(totals.diskBytes)],
    limits,
  ];
  return formatCells(cells, 2);
}
