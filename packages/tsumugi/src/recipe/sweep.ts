// A sweep: the same stages for every combination of values and every seed. The report puts them together again: one table with
// means and ranges over the seeds, and charts with all of them over each other.
import { ConfigError } from '../base/index.ts';
import { toJson } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import type { RecipeStage } from './stage.ts';

/** Which of a sweep's runs a stage belongs to. */
export interface SweepPoint {
  readonly sweep: string;
  readonly values: Readonly<Record<string, Json>>;
  readonly seed: number;
}

type Values = Readonly<Record<string, readonly unknown[]>>;
export type PointOf<V extends Values> = { readonly [Key in keyof V]: V[Key][number] } & { readonly seed: number };

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
  { values, seeds = [0] }: { values: V; seeds?: readonly number[] },
  make: (point: PointOf<V>, name: string) => RecipeStage | readonly RecipeStage[],
): RecipeStage[] {
  const refuse = (problem: string, remedy: string) =>
    new ConfigError('bad-sweep', `sweep "${name}": ${problem}`, { remedy, fields: { sweep: name } });
  const lists: [string, readonly unknown[]][] = [...Object.entries(values), ['seed', seeds]];
  const bare = lists.find(([, list]) => !Array.isArray(list) || list.length === 0);
  if (bare)
    throw refuse(`${bare[0]} is no list of values, or an empty one`, 'Give each a list, e.g. { zLoss: [0, 1e-4] }.');
  if ('seed' in values)
    throw refuse('"seed" is among the values', 'Give the seeds beside them: { values, seeds: [0, 1, 2] }.');
  for (const [key, list] of lists) {
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
    let unique = [name, ...Object.entries(point).flat().map(inName)].join('-').slice(0, 80);
    while (taken.has(unique)) unique += '-x'; // what differs in signs that no name may have
    taken.add(unique);
    const stages = [make(point as PointOf<V>, unique)].flat();
    for (const stage of stages)
      points.set(stage, { sweep: name, values: toJson(own, name) as SweepPoint['values'], seed: seed as number });
    return stages;
  });
}

/** A value as a part of a stage's name: letters, digits and hyphens. */
function inName(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll('.', '-').replaceAll(/[^a-z0-9-]/gi, '') || 'x';
}
