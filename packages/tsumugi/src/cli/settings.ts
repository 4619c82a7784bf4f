// `--config file` and `--set key=value` for commands whose settings are a zod schema. Keys of nested settings are joined by
// dots (`optimizer.learningRate`); unknown keys and wrong values are ConfigErrors that name the key and the nearest one.
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, DataError, FormatError, isObject, nearest, readJsonValue, suggestion } from '../base/index.ts';
import { readYamlValue } from '../store/index.ts';
import { freeValueIn, objectIn } from './schema-inside.ts';

/** Options that every command with settings has. */
export const settingsOptions = {
  config: { type: 'string', value: 'FILE', help: 'settings as a JSON or YAML file' },
  set: { type: 'list', value: 'KEY=VALUE', help: 'change single settings' },
} as const;

/** Reads the settings file of --config; {} when none is given. @throws DataError when it is not there, FormatError when it holds no object */
export function readSettingsFile(path: string | undefined): Readonly<Record<string, unknown>> {
  if (path === undefined) return {};
  if (!existsSync(path))
    throw new DataError('missing-config', `there is no settings file ${path}`, {
      remedy: 'Check its path.',
      fields: { path },
    });
  const isYaml = /\.ya?ml$/i.test(path);
  const remedy = isYaml
    ? 'Write the settings one to a line: key: value.'
    : 'Write the settings as one JSON object: {"key": value, …}.';
  const value = isYaml ? readYamlValue(path) : readJsonValue(path, { remedy });
  if (isObject(value)) return value;
  throw new FormatError(
    'bad-config',
    `${path} should hold ${isYaml ? 'keys with values' : 'a JSON object'}, but holds ${kindOf(value)}`,
    {
      remedy,
      fields: { path },
    },
  );
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : value === null ? 'null' : typeof value === 'string' ? 'a text' : `${value}`;

type Tree = Record<string, unknown>;

/**
 * The settings in `config` (an object, or undefined for none) with `sets` (`key=value`) applied over them, checked and
 * completed by `schema`.
 *
 * A value is read as JSON when that fits the key, otherwise as text; a list may be written with commas.
 *
 * @param where what `config` is, for errors
 * @param optionNames settings that the command has options of the same name for
 * @throws ConfigError
 */
export function applySettings<S extends z.ZodObject>(
  schema: S,
  config: unknown,
  sets: readonly string[] = [],
  where = 'the settings',
  optionNames: readonly string[] = [],
): z.output<S> {
  if (config !== undefined && !isObject(config)) {
    throw new ConfigError('bad-config', `${where}: expected a JSON object`, { remedy: 'Write {"key": value, …}.' });
  }
  const tree: Tree = structuredClone(config ?? {});
  checkKeys(schema, tree, where);
  for (const set of sets) applySet(schema, tree, set);
  const parsed = schema.safeParse(tree);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map(String);
  const key = path.join('.');
  if (valueAt(tree, path) === undefined)
    throw new ConfigError('missing-setting', `${where}: ${key} is missing`, {
      remedy: optionNames.includes(key) ? `Write --${key} …` : `Write --set ${key}=…`,
      fields: { key },
    });
  throw new ConfigError('bad-setting', `${where}: ${key}: ${describeIssue(issue, valueAt(tree, path))}`, {
    remedy: `Correct it there, or write --set ${key}=…`,
    fields: { key, issues: parsed.error.issues },
  });
}

function checkKeys(schema: z.ZodObject, tree: Tree, where: string, prefix = ''): void {
  for (const [key, value] of Object.entries(tree)) {
    const field = Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
    if (field === undefined) throw unknownKey(schema, prefix, key, where);
    const inner = objectIn(field);
    if (inner && isObject(value)) checkKeys(inner, value, where, `${prefix}${key}.`);
  }
}

function unknownKey(schema: z.ZodObject, prefix: string, key: string, where: string): ConfigError {
  const known = Object.keys(schema.shape).map((name) => prefix + name);
  return new ConfigError('unknown-key', `${where}: there is no setting "${prefix}${key}"`, {
    remedy: suggestion(prefix + key, known),
    fields: { key: prefix + key },
  });
}

function applySet(schema: z.ZodObject, tree: Tree, set: string): void {
  const equals = set.indexOf('=');
  if (equals <= 0) {
    throw new ConfigError('bad-set', `--set: expected key=value, got "${set}"`, {
      remedy: 'Write for example --set steps=100.',
    });
  }
  const [name, ...rest] = set.slice(0, equals).trim().split('.') as [string, ...string[]];
  setValue(schema, tree, '', name, rest, set.slice(equals + 1));
}

/** Sets `owner[name]`, or what is at `rest` inside it. */
function setValue(schema: z.ZodObject, owner: Tree, prefix: string, name: string, rest: string[], text: string): void {
  const field = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
  if (field === undefined) throw unknownKey(schema, prefix, name, '--set');
  const path = prefix + name;
  const [next, ...further] = rest;
  if (next === undefined) {
    owner[name] = readValue(field, path, text);
    return;
  }
  const inner = objectIn(field);
  const free = freeValueIn(field);
  if (!inner && !free) {
    throw new ConfigError('unknown-key', `--set: "${path}" has no settings inside`, {
      remedy: `Write --set ${path}=…`,
    });
  }
  const held = owner[name];
  const child: Tree = isObject(held) ? held : {};
  owner[name] = child;
  if (inner) setValue(inner, child, `${path}.`, next, further, text);
  else child[rest.join('.')] = readValue(free!, `${path}.${rest.join('.')}`, text);
}

/** The first reading of `text` that the schema accepts. */
function readValue(schema: z.core.$ZodType, key: string, text: string): unknown {
  const readings = [json(text), text, text.split(',').map((part) => json(part.trim()) ?? part.trim())];
  for (const reading of readings) if (reading !== undefined && z.safeParse(schema, reading).success) return reading;
  const issue = z.safeParse(schema, readings[0] ?? text).error!.issues[0]!;
  const near = issue.code === 'invalid_value' ? nearest(text, issue.values.map(String)) : undefined;
  throw new ConfigError('bad-setting', `--set ${key}: ${describeIssue(issue, text)}`, {
    ...(near === undefined ? {} : { remedy: `Did you mean "${near}"?` }),
    fields: { key, received: text },
  });
}

/** `text` as JSON, or as a number in a spelling that JSON lacks (`.5`); undefined when it is neither. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return /^[-+.\d]/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
  }
}

function valueAt(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Tree | undefined)?.[name], tree);
}

const typeNames: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

/** "expected …, got …", in the words of the options. */
function describeIssue(issue: z.core.$ZodIssue, received: unknown): string {
  const got =
    received === undefined ? 'nothing' : typeof received === 'string' ? `"${received}"` : JSON.stringify(received);
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}, got ${got}`;
    case 'invalid_value':
      return `expected one of ${issue.values.join(', ')}, got ${got}`;
    case 'too_small':
      if (issue.origin === 'string') return `expected a text, got ${got}`;
      return `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}, got ${got}`;
    case 'too_big':
      return `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}, got ${got}`;
    default:
      return `${issue.message} (got ${got})`;
  }
}
