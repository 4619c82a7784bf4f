// What a schema finds wrong with a value, in the words of a person who edits the file.
import type { z } from 'zod';
import { ConfigError } from './errors.ts';
import { suggestion } from './nearest.ts';

type Issue = z.core.$ZodIssue;

const kinds: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  string: 'a text in quotes',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** `"mamba_step" is "x", expected a whole number` */
export function issueText(issue: Issue, value: unknown): string {
  const place = issue.path.map(String).join('.');
  const found = issue.path.reduce<unknown>(valueAt, value);
  const expected = expectation(issue);
  if (expected === undefined) return place === '' ? issue.message : `"${place}": ${issue.message}`;
  const subject = place === '' ? 'the content' : `"${place}"`;
  return found === undefined ? `${subject} is missing` : `${subject} is ${excerpt(found)}, expected ${expected}`;
}

/**
 * What a schema makes of settings.
 *
 * @param owner whose settings they are: "grow"
 * @throws ConfigError naming the setting that is wrong, and for one that there is not the nearest
 */
export function checkSettings<S extends z.ZodObject>(owner: string, schema: S, settings: unknown): z.output<S> {
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  if (issue.code === 'unrecognized_keys')
    throw new ConfigError('unknown-key', `${owner}: there is no setting "${issue.keys[0]}"`, {
      remedy: suggestion(issue.keys[0]!, Object.keys(schema.shape)),
      fields: { key: issue.keys[0] },
    });
  throw new ConfigError('bad-setting', `${owner}: ${issueText(issue, settings)}`, {
    fields: { key: issue.path.join('.') },
  });
}

function valueAt(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined;
}

function expectation(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return kinds[issue.expected];
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'too_small':
      return limit(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return limit(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    default:
      return undefined;
  }
}

function limit(origin: string, relation: string, bound: number | bigint): string {
  if (origin === 'array') return `${relation} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
  const kind = origin === 'int' ? 'a whole number' : 'a number';
  return relation === 'at least' || relation === 'at most'
    ? `${kind} of ${relation} ${bound}`
    : `${kind} ${relation === 'more than' ? 'above' : 'below'} ${bound}`;
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
