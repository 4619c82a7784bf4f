// The options of a command: one table gives the parser, the types of the values, and the text of --help.
// A mistake is a ConfigError that names the option, what was expected and what came.
import { parseArgs } from 'node:util';
import { ConfigError, nearest } from '../base/index.ts';
import type { Need } from '../store/index.ts';

interface Described {
  /** One line for --help. */
  help: string;
}

interface Valued<T> extends Described {
  /** How the value is called in --help. */
  value?: string;
  default?: T;
  required?: true;
}

/** `list` options may be given several times, and take all the values up to the next option. */
export type OptionSpec =
  | (Described & { type: 'boolean' })
  | (Valued<string> & {
      type: 'string';
      /** A folder that may be named by its name on the Hugging Face Hub: `defineCommand` makes it the folder in the cache. */
      hub?: Need;
    })
  | (Valued<number> & { type: 'number' | 'integer'; min?: number; max?: number })
  | (Valued<string> & { type: 'choice'; choices: readonly string[] })
  | (Valued<readonly string[]> & { type: 'list' });

/** Keys are in camel case: `maxTokens` is `--max-tokens`. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S extends { type: 'boolean' }
  ? boolean
  : S extends { type: 'choice'; choices: readonly (infer C)[] }
    ? C
    : S extends { type: 'number' | 'integer' }
      ? number
      : S extends { type: 'list' }
        ? readonly string[]
        : string;

type IsGiven<S extends OptionSpec> = S extends { type: 'boolean' | 'list' }
  ? true
  : S extends { required: true }
    ? true
    : S extends { default: unknown }
      ? true
      : false;

/** Booleans are false, lists empty, and others undefined when they are not given and have no default. */
export type OptionValues<T extends OptionTable> = {
  -readonly [K in keyof T]: IsGiven<T[K]> extends true ? ValueOf<T[K]> : ValueOf<T[K]> | undefined;
};

/** `maxTokens` → `max-tokens` */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export interface Parsed<T extends OptionTable> {
  values: OptionValues<T>;
  positionals: string[];
  /** --help was given: nothing else was checked. */
  help: boolean;
}

function findKey(table: OptionTable, flag: string): string | undefined {
  return Object.keys(table).find((key) => flagOf(key) === flag);
}

/**
 * Reads `args` by `table`. `where` is the command, for errors.
 * @throws ConfigError
 */
export function parseOptions<const T extends OptionTable>(table: T, args: readonly string[], where: string): Parsed<T> {
  const flags = Object.entries(table).map(([key, spec]) => [
    flagOf(key),
    { type: spec.type === 'boolean' ? ('boolean' as const) : ('string' as const) },
  ]);
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...Object.fromEntries(flags), help: { type: 'boolean', short: 'h' } },
    strict: false,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  const positionals: string[] = [];
  const help = tokens.some((token) => token.kind === 'option' && token.name === 'help');
  let openList: string | undefined;
  if (!help) {
    for (const token of tokens) {
      if (token.kind === 'positional' && openList !== undefined) {
        const text = parseValue(table[openList]!, `--${flagOf(openList)}`, token.value) as string[];
        (values[openList] as string[]).push(...text);
      } else if (token.kind === 'positional') {
        positionals.push(token.value);
      } else {
        openList = undefined;
        if (token.kind !== 'option') continue;
        const key = findKey(table, token.name);
        const spec = key === undefined ? undefined : table[key];
        if (key === undefined || spec === undefined) throw unknownOption(token.rawName, table, where);
        const given = givenValue(spec, token.name, token.value, token.inlineValue === true);
        if (spec.type !== 'list') values[key] = parseValue(spec, `--${token.name}`, given);
        else {
          openList = key;
          const text = parseValue(spec, `--${token.name}`, given) as string[];
          values[key] = [...((values[key] as string[] | undefined) ?? []), ...text];
        }
      }
    }
    fillIn(table, values, where);
  }
  return { values: values as OptionValues<T>, positionals, help };
}

function unknownOption(rawName: string, table: OptionTable, where: string): ConfigError {
  const near = nearest(rawName.replace(/^-+/, ''), [...Object.keys(table).map(flagOf), 'help']);
  return new ConfigError('unknown-option', `${where} has no option ${rawName}`, {
    remedy: near ? `Did you mean --${near}?` : `See ${where} --help.`,
    fields: { option: rawName },
  });
}

/** The text given for an option; '' for a boolean. */
function givenValue(spec: OptionSpec, name: string, value: string | undefined, inline: boolean): string {
  if (spec.type === 'boolean') {
    if (value === undefined) return '';
    throw new ConfigError('bad-option', `--${name} takes no value, got "${value}"`, {
      remedy: `Write --${name} alone, or leave it out.`,
      fields: { option: `--${name}` },
    });
  }
  // "--model --json" has forgotten the value; "--top-k -1" has not.
  const forgotten = !inline && value !== undefined && /^-./.test(value) && !/^-[\d.]/.test(value);
  if (value !== undefined && !forgotten) return value;
  throw new ConfigError('missing-value', `--${name} needs a value${forgotten ? `, got the option ${value}` : ''}`, {
    remedy: `Write --${name} ${valueName(spec)}${forgotten ? `, or --${name}=${value} if that is the value` : ''}.`,
    fields: { option: `--${name}` },
  });
}

/**
 * The value that `text` stands for.
 * @param name the option as the person wrote it, for the error
 * @throws ConfigError
 */
export function parseValue(spec: OptionSpec, name: string, text: string): unknown {
  const refuse = (expected: string, remedy?: string) =>
    new ConfigError('bad-option', `${name}: expected ${expected}, got "${text}"`, {
      ...(remedy === undefined ? {} : { remedy }),
      fields: { option: name, expected, received: text },
    });
  switch (spec.type) {
    case 'boolean':
      return true;
    case 'string':
    case 'list':
      // An empty text, of a shell variable that is not set, would mean the current folder, taken as a path.
      if (text === '' && spec.value !== undefined)
        throw refuse(spec.value, 'Name one; a shell variable may not be set.');
      return spec.type === 'list' ? [text] : text;
    case 'choice': {
      if (spec.choices.includes(text)) return text;
      const near = nearest(text, spec.choices);
      throw refuse(`one of ${spec.choices.join(', ')}`, near && `Did you mean "${near}"?`);
    }
    default: {
      const { type, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = spec;
      const number = text.trim() === '' ? Number.NaN : Number(text);
      const fits = type === 'integer' ? Number.isSafeInteger(number) : Number.isFinite(number);
      if (fits && number >= min && number <= max) return number;
      throw refuse(`${type === 'integer' ? 'a whole number' : 'a number'}${rangeText(min, max)}`);
    }
  }
}

function rangeText(min: number, max: number): string {
  if (Number.isFinite(min) && Number.isFinite(max)) return ` from ${min} to ${max}`;
  if (Number.isFinite(min)) return ` of at least ${min}`;
  return Number.isFinite(max) ? ` of at most ${max}` : '';
}

/** Adds defaults. @throws ConfigError for a required option that is missing */
function fillIn(table: OptionTable, values: Record<string, unknown>, where: string): void {
  for (const [key, spec] of Object.entries(table)) {
    if (values[key] !== undefined) continue;
    if (spec.type === 'boolean') values[key] = false;
    else if (spec.required) {
      throw new ConfigError('missing-option', `${where} needs --${flagOf(key)} ${valueName(spec)} (${spec.help})`, {
        remedy: `See ${where} --help.`,
        fields: { option: `--${flagOf(key)}` },
      });
    } else values[key] = spec.default ?? (spec.type === 'list' ? [] : undefined);
  }
}

function valueName(spec: OptionSpec): string {
  switch (spec.type) {
    case 'boolean':
      return '';
    case 'choice':
      return spec.value ?? spec.choices.join('|');
    case 'list':
      return `${spec.value ?? 'TEXT'} …`;
    case 'string':
      return spec.value ?? 'TEXT';
    default:
      return spec.value ?? 'N';
  }
}

/** The options as lines for --help. */
export function describeOptions(table: OptionTable): string {
  const rows = Object.entries(table).map(([key, spec]) => {
    const note = spec.type === 'boolean' ? '' : spec.required ? ' (required)' : defaultText(spec.default);
    return [`--${flagOf(key)} ${valueName(spec)}`.trimEnd(), spec.help + note];
  });
  return formatRows([...rows, ['-h, --help', 'show this']] as [string, string][]);
}

function defaultText(value: string | number | readonly string[] | undefined): string {
  return value === undefined ? '' : ` (default ${Array.isArray(value) ? value.join(' ') : value})`;
}

/** Two columns, indented. */
export function formatRows(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('');
}
