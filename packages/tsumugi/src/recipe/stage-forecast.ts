// What the stages of a recipe will take, said before anything heavy: a table, and a refusal that names the setting to
// change, with a value that would do.
import { UserError } from '../base/index.ts';
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
  /** The metrics it is expected to find, for the forecasts of later stages. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Whatever else those want to know of the artefact while it is not there, e.g. a model's config. */
  readonly about?: Json;
  /**
   * Settings that lower a resource, the best first: numbers are made smaller, booleans set to true, anything else is only
   * named.
   */
  readonly lowers?: Readonly<Partial<Record<Resource, readonly string[]>>>;
}

export const memoryOf = ({ memory }: StageForecast): number => memory.reduce((sum, { bytes }) => sum + bytes, 0);

const needs = (forecast: StageForecast, resource: Resource): number =>
  resource === 'time' ? forecast.seconds : resource === 'memory' ? memoryOf(forecast) : forecast.diskBytes;

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
  again(changes: Readonly<Record<string, Json>>): Promise<StageForecast | undefined>;
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

const secondsLeft = (row: ForecastRow): number => (row.forecast?.seconds ?? 0) * row.shareLeft;
const diskLeft = (row: ForecastRow): number => Math.max(0, (row.forecast?.diskBytes ?? 0) - row.diskBytesThere);

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

/**
 * Refuses what cannot fit.
 *
 * @throws UserError `not-enough-memory`, `not-enough-disk` or `not-enough-time`, naming the stage that needs most and the
 *   setting to change
 */
export async function requireRecipeFits(rows: readonly ForecastRow[], available: Available): Promise<void> {
  const totals = totalsOf(rows);
  const limits: [Resource, needed: number, limit: number, format: (value: number) => string][] = [
    ['memory', totals.memoryBytes, available.memoryBytes, formatBytes],
    ['disk', totals.diskBytes, available.diskBytes, formatBytes],
    ['time', totals.seconds, available.seconds ?? Number.POSITIVE_INFINITY, formatDuration],
  ];
  for (const [resource, needed, limit, format] of limits) {
    if (needed <= limit) continue;
    const left = { time: secondsLeft, disk: diskLeft, memory: (row: ForecastRow) => needs(row.forecast!, 'memory') };
    const counted = rows.filter(({ forecast }) => forecast);
    // The first that does not fit into memory: what comes after it may only follow from it.
    const worst =
      (resource === 'memory' && counted.find((row) => left.memory(row) > limit)) ||
      counted.reduce((a, b) => (left[resource](b) > left[resource](a) ? b : a));
    const own = left[resource](worst);
    // What the other stages take of a sum is not this stage's to spend.
    const budget = resource === 'memory' ? limit : limit - (needed - own);
    const whole = resource === 'memory' ? '' : `, the whole recipe ${format(needed)}`;
    throw new UserError(
      `not-enough-${resource}`,
      `${worst.stage} will need about ${format(own)} of ${resource}${whole}, and ${format(limit)} are available`,
      {
        remedy: await remedy(worst, resource, budget),
        fields: { stage: worst.stage, resource, needed, available: limit },
      },
    );
  }
}

/** Which setting to change, and to what. */
async function remedy(row: ForecastRow, resource: Resource, budget: number): Promise<string> {
  const names = row.forecast!.lowers?.[resource] ?? [];
  const enough = async (changes: Record<string, Json>) => {
    const forecast = await row.again(changes);
    return forecast !== undefined && needs(forecast, resource) * (resource === 'time' ? row.shareLeft : 1) <= budget;
  };
  for (const name of names) {
    const value = (row.config as Record<string, Json | undefined>)[name];
    const smaller =
      value === false ? [true] : typeof value === 'number' ? halvings(value, Number.isInteger(value)) : [];
    for (const candidate of smaller)
      if (await enough({ [name]: candidate })) return `It would fit with --set ${row.stage}.${name}=${candidate}.`;
  }
  const named = names.map((name) => `--set ${row.stage}.${name}=…`).join(' or ');
  if (named === '')
    return resource === 'memory' ? 'Free some memory, or use a larger machine.' : `Free some ${resource}.`;
  return `Lower it with ${named}; no single one of them is enough.`;
}

function halvings(value: number, whole: boolean): number[] {
  const values: number[] = [];
  for (let next = value / 2; values.length < 60; next /= 2) {
    const rounded = whole ? Math.floor(next) : Number(next.toPrecision(2));
    if (rounded <= 0) break;
    values.push(rounded);
  }
  return values;
}
