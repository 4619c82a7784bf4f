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

/** Of what the alternatives of a union find, that of the one which the value comes nearest to: the fault that lies deepest. */
export function innermostIssue(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const [deepest] = issue.errors.flatMap(([first]) => first ?? []).sort((a, b) => b.path.length - a.path.length);
  if (!deepest || deepest.path.length === 0) return issue;
  return innermostIssue({ ...deepest, path: [...issue.path, ...deepest.path] });
}

/** `"mamba_step" is "x", expected a whole number` */
export function issueText(given: Issue, value: unknown): string {
  const issue = innermostIssue(given);
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

/** What should stand there, unless the schema has words of its own. */
function expectation(issue: Issue): string | undefined {
  if (!/^(Invalid|Too) /.test(issue.message)) return undefined;
  switch (issue.code) {
    case 'invalid_type':
      return kinds[issue.expected];
    case 'invalid_value':
      return either(issue.values.map((value) => JSON.stringify(value)));
    case 'invalid_union':
      return ofUnion(issue);
    case 'too_small':
      return limit(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return limit(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    default:
      return undefined;
  }
}

const either = (expected: readonly string[]): string => [...new Set(expected)].join(' or ');

function ofUnion(issue: Issue & { code: 'invalid_union' }): string | undefined {
  if ('options' in issue) return either((issue.options as unknown[]).map((value) => JSON.stringify(value)));
  const expected = issue.errors.map(([first]) => first && expectation(first));
  return expected.every((each) => each !== undefined) ? either(expected) : undefined;
}

function limit(origin: string, relation: string, bound: number | bigint): string {
  if (origin === 'array') return `${relation} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string') return `a text of ${relation} ${bound} ${bound === 1 ? 'character' : 'characters'}`;
  const kind = origin === 'int' ? 'a whole number' : 'a number';
  return relation === 'at least' || relation === 'at most'
    ? `${kind} of ${relation} ${bound}`
    : `${kind} ${relation === 'more than' ? 'above' : 'below'} ${bound}`;
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
