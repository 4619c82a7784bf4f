// The settings of a task: Gymnasium's keyword arguments, named as JavaScript names things.
import { ConfigError, checkOptions, kindOf, type OptionNames } from '../../base/index.ts';

/** Low and high. */
export type Range = readonly [number, number];

export type Settings = Readonly<Record<string, number | boolean | Range>>;

const isRange = (value: unknown): value is Range =>
  Array.isArray(value) && value.length === 2 && (value[0] as number) < (value[1] as number);

/** What a value must be that stands for this one. */
function wanted(like: Settings[string]): [string, (value: unknown) => boolean] {
  if (typeof like === 'number') return ['a finite number', (value) => Number.isFinite(value)];
  if (typeof like === 'boolean') return ['true or false', (value) => typeof value === 'boolean'];
  return ['a pair [low, high] with low < high', isRange];
}

/**
 * The defaults with what was given in their place.
 *
 * @param absent names of the defaults that cannot be given
 * @throws ConfigError for a name that the defaults do not have, and for a value of another kind
 */
export function settle<S extends Settings>(
  owner: string,
  defaults: S,
  given: Readonly<Record<string, unknown>> = {},
  absent: readonly (keyof S)[] = [],
): S {
  const known = Object.keys(defaults).filter((name) => !absent.includes(name));
  const names = Object.fromEntries(known.map((name) => [name, true]));
  checkOptions(owner, given, names as OptionNames<typeof given>);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const [kind, fits] = wanted(defaults[name]!);
    if (fits(value)) continue;
    const got = typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
    throw new ConfigError('bad-option', `${owner}: ${name} must be ${kind}, got ${got}`, { fields: { option: name } });
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}
