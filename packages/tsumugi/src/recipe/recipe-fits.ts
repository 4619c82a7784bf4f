// Refuses a recipe that cannot fit, naming the setting to change and a value that would do.
import { UserError } from '../base/index.ts';
import { formatBytes, formatDuration } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import {
  type Available,
  diskLeft,
  type ForecastRow,
  memoryOf,
  type Resource,
  type StageForecast,
  secondsLeft,
  totalsOf,
} from './stage-forecast.ts';

const needs = (forecast: StageForecast, resource: Resource): number =>
  resource === 'time' ? forecast.seconds : resource === 'memory' ? memoryOf(forecast) : forecast.diskBytes;

/**
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
    // Of memory the first stage that does not fit: later ones may be too large because of it.
    const worst =
      (resource === 'memory' && counted.find((row) => left.memory(row) > limit)) ||
      counted.reduce((a, b) => (left[resource](b) > left[resource](a) ? b : a));
    const own = left[resource](worst);
    // Time and disk are sums: what the other stages take of them is not left for this one.
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
    const forecast = await row.forecastWith(changes);
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
