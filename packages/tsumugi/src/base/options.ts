// Names of options are checked where they enter: `node file.ts` checks no types, and a name that nobody reads would pass in
// silence. Constructors, factories and functions called once in a while do it; what runs in every step does not.
import { ConfigError } from './errors.ts';
import { suggestion } from './nearest.ts';

/** Every option of `O`. As a record, so that the compiler misses none and finds those too many. */
export type OptionNames<O> = Readonly<Record<keyof O, true>>;

/** What to write in place of an option that other libraries have. */
export type OptionHints = Readonly<Record<string, string>>;

/** Whether it is what JSON calls an object: no list, not null. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The values that were given: those that are not undefined. */
export const given = <T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, T] => entry[1] !== undefined));

/** What a value is, in a few words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `${typeof value} ${String(value)}`;
  if (Array.isArray(value)) return 'an array';
  if (isPlain(value)) return 'an object';
  const { name } = value.constructor;
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

const isPlain = (value: object) => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/**
 * @param owner whose options they are, for the error
 * @throws ConfigError for what is no object of options, and for an unknown name, with the nearest one
 */
export function checkOptions<O>(owner: string, given: O, known: OptionNames<O>, hints: OptionHints = {}): void {
  if (!isObject(given)) refuse(owner, given, known);
  for (const name in given) if (!Object.hasOwn(known, name)) refuse(owner, given, known, name, hints);
}

function refuse(owner: string, given: unknown, known: object, name?: string, hints: OptionHints = {}): never {
  const names = Object.keys(known);
  if (name === undefined || !isPlain(given as object))
    throw new ConfigError(
      'bad-option',
      `${owner}: options are an object like { ${names[0]}: … }, got ${kindOf(given)}`,
      {
        remedy: `Known: ${names.join(', ')}.`,
      },
    );
  throw new ConfigError('unknown-option', `${owner}: there is no option "${name}"`, {
    remedy: Object.hasOwn(hints, name) ? hints[name]! : suggestion(name, names),
    fields: { option: name },
  });
}

/**
 * A number of things: whole, from `least` to `most`; Infinity where there is no `most`.
 *
 * @throws ConfigError naming the option and what came
 */
export function checkCount(
  name: string,
  value: number | undefined,
  least: number,
  most = Number.POSITIVE_INFINITY,
): void {
  if (value === undefined || (value === Number.POSITIVE_INFINITY && value === most)) return;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  const got = typeof value === 'number' ? value : kindOf(value);
  throw new ConfigError('bad-option', `${name} must be a whole number ${range}, got ${got}`, {
    fields: { option: name },
  });
}
