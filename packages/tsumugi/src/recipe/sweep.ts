// A sweep: the same stages for every combination of values and every seed. The report shows them together: one table of means and
// ranges over the seeds, and charts with a curve for each combination.
import { ConfigError, checkOptions, type OptionNames, sha256 } from '../base/index.ts';
import { toJson } from '../run/index.ts';
import { canonicalJson, type Json } from '../store/index.ts';
import type { RecipeStage } from './stage.ts';

/** Which of a sweep's runs a stage belongs to. */
export interface SweepPoint {
  readonly sweep: string;
  readonly values: Readonly<Record<string, Json>>;
  readonly seed: number;
}

type Values = Readonly<Record<string, readonly unknown[]>>;
export type PointOf<V extends Values> = { readonly [Key in keyof V]: V[Key][number] } & { readonly seed: number };

export interface SweepOptions<V extends Values> {
  /** Lists of what differs, by name. */
  values: V;
  /** [0] when left out. */
  seeds?: readonly number[];
}

const sweepOptions: OptionNames<SweepOptions<Values>> = { values: true, seeds: true };

const points = new WeakMap<RecipeStage, SweepPoint>();

/** The point of a sweep that a stage was made for. */
export const pointOf = (stage: RecipeStage): SweepPoint | undefined => points.get(stage);

/**
 * The stages of every combination of `values`, for every seed.
 *
 * @param make the stage of a combination, or several (trained, then measured); `name` is one that no other combination has
 * @throws ConfigError when there is nothing to go over
 */
export function sweep<const V extends Values>(
  name: string,
  options: SweepOptions<V>,
  make: (point: PointOf<V>, name: string) => RecipeStage | readonly RecipeStage[],
): RecipeStage[] {
  checkOptions('sweep', options, sweepOptions, { seed: 'Write seeds, a list.' });
  const { values, seeds = [0] } = options;
  const refuse = (problem: string, remedy: string) =>
    new ConfigError('bad-sweep', `sweep "${name}": ${problem}`, { remedy, fields: { sweep: name } });
  const lists: [string, readonly unknown[]][] = [...Object.entries(values), ['seed', seeds]];
  const bare = lists.find(([, list]) => !Array.isArray(list) || list.length === 0);
  if (bare)
    throw refuse(`${bare[0]} is no list of values, or an empty one`, 'Give each a list, e.g. { zLoss: [0, 1e-4] }.');
  if ('seed' in values)
    throw refuse('"seed" is among the values', 'Give the seeds beside them: { values, seeds: [0, 1, 2] }.');
  for (const [key, list] of lists) {
    try {
      toJson(list, key);
    } catch (error) {
      throw refuse((error as Error).message, 'Sweep over what JSON holds: of functions over their names, say.');
    }
    const twice = list.find(
      (value, i) => list.findIndex((other) => JSON.stringify(other) === JSON.stringify(value)) < i,
    );
    if (twice !== undefined) throw refuse(`${key} has ${JSON.stringify(twice)} twice`, 'Name each value once.');
  }
  const combinations = lists.reduce<Record<string, unknown>[]>(
    (all, [key, list]) => all.flatMap((before) => list.map((value) => ({ ...before, [key]: value }))),
    [{}],
  );
  const taken = new Set<string>();
  return combinations.flatMap((point) => {
    const { seed, ...own } = point;
    const unique = nameOf(name, point, taken);
    taken.add(unique);
    const stages = [make(point as PointOf<V>, unique)].flat();
    for (const stage of stages)
      points.set(stage, { sweep: name, values: toJson(own, name) as SweepPoint['values'], seed: seed as number });
    return stages;
  });
}

/** A name spells the values in letters, digits and hyphens. Where they cannot be spelt so, or are too long, their hash is added. */
function nameOf(sweep: string, point: Readonly<Record<string, unknown>>, taken: ReadonlySet<string>): string {
  const whole = [sweep, ...Object.entries(point).flat().map(inName)].join('-');
  const isSaid = whole.length <= longestName && !taken.has(whole) && Object.values(point).every(saysItself);
  return isSaid ? whole : `${whole.slice(0, longestName - 7)}-${sha256(canonicalJson(point as Json)).slice(0, 6)}`;
}

const longestName = 80;
const inText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const inName = (value: unknown): string =>
  inText(value)
    .replaceAll('.', '-')
    .replaceAll(/[^a-z0-9-]/gi, '') || 'x';

/** Whether no other value is spelt the same in a name: numbers, true, false, null and plain words. */
const saysItself = (value: unknown): boolean =>
  typeof value === 'string'
    ? /^(?!(?:true|false|null)$)[a-z][a-z0-9-]*$/i.test(value)
    : typeof value !== 'object' || !value;
