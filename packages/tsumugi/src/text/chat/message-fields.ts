// Messages out of data: in the words of OpenAI (role, content) and of ShareGPT (from, value).
import { DataError, isObject, parseJson } from '../../base/index.ts';
import { requireWholePairs } from '../half-pairs.ts';
import type { ExampleSource } from './example.ts';
import { type Message, ROLES, type Role, type Tool } from './message.ts';

/** How data names those who speak. */
const roles: Readonly<Record<string, Role>> = {
  ...Object.fromEntries(ROLES.map((role) => [role, role])),
  human: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  model: 'assistant',
  bot: 'assistant',
  developer: 'system',
  function: 'tool',
  observation: 'tool',
};

/** A field that holds something else than it should. */
export function wrongField({ file, row }: ExampleSource, field: string, expected: string, value: unknown): DataError {
  const is = value === undefined ? 'is not there' : `is ${shown(value)}`;
  return new DataError('chat-data', `${file}, row ${row}: ${field} should be ${expected} but ${is}`, {
    remedy: 'Mend the row, or take it out.',
    fields: { file, row, field },
  });
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** What is null in a row counts as not there: Parquet has every field in every row. */
export const given = (value: unknown): unknown => (value === null ? undefined : value);

export function textField(value: unknown, field: string, source: ExampleSource): string {
  if (typeof value !== 'string') throw wrongField(source, field, 'a text', value);
  return value;
}

/** A list, also one that is written as a text of JSON. */
function listField(value: unknown, field: string, source: ExampleSource, of: string): readonly unknown[] {
  const list = typeof value === 'string' ? tryJson(value) : value;
  if (!Array.isArray(list)) throw wrongField(source, field, `a list of ${of}`, value);
  if (list !== value) requireWholePairs(list, field, source); // what a text of JSON spells was not seen before
  return list;
}

function tryJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** @throws DataError naming file, row and field */
export function messagesField(value: unknown, field: string, source: ExampleSource): Message[] {
  const list = listField(value, field, source, 'messages');
  if (list.length === 0) throw wrongField(source, field, 'a list of messages', value);
  return list.map((each, i) => messageOf(each, `${field}[${i}]`, source));
}

function messageOf(value: unknown, field: string, source: ExampleSource): Message {
  if (!isObject(value)) throw wrongField(source, field, 'a message', value);
  const all = Object.fromEntries(Object.entries(value).filter(([, each]) => given(each) !== undefined));
  const shareGpt = all['role'] === undefined;
  const [speaker, said] = shareGpt ? (['from', 'value'] as const) : (['role', 'content'] as const);
  const { [speaker]: name, [said]: content, weight, train, tool_calls: calls, ...rest } = all;
  const role = typeof name === 'string' && Object.hasOwn(roles, name) ? roles[name]! : undefined;
  if (role === undefined)
    throw wrongField(
      source,
      `${field}.${shareGpt && name === undefined ? 'role' : speaker}`,
      `one of ${Object.keys(roles).join(', ')}`,
      name,
    );
  if (weight !== undefined && Number(weight) !== 0 && Number(weight) !== 1)
    throw wrongField(source, `${field}.weight`, '0 (not learned) or 1', weight);
  if (train !== undefined && typeof train !== 'boolean')
    throw wrongField(source, `${field}.train`, 'true or false', train);
  if (weight !== undefined && train !== undefined && train !== (Number(weight) === 1))
    throw wrongField(source, `${field}.train`, `${Number(weight) === 1}, as weight is ${Number(weight)},`, train);
  const skipped = train === false || (weight !== undefined && Number(weight) === 0);
  const tool_calls =
    calls === undefined
      ? []
      : listField(calls, `${field}.tool_calls`, source, 'calls').map((call, i) =>
          withParsedArguments(call, `${field}.tool_calls[${i}]`, source),
        );
  return {
    ...rest,
    role,
    content: contentOf(content, `${field}.${said}`, source, tool_calls.length > 0),
    ...(tool_calls.length > 0 && { tool_calls }),
    ...(skipped && { train: false }),
  };
}

/** A text, or parts of one; nothing beside calls of tools. */
function contentOf(value: unknown, field: string, source: ExampleSource, calls: boolean): string {
  if (value === undefined && calls) return '';
  if (!Array.isArray(value)) return textField(value, field, source);
  return value
    .map((part: unknown, i) => {
      const { type, text } = isObject(part) ? part : {};
      if (type !== 'text' || typeof text !== 'string')
        throw wrongField(source, `${field}[${i}]`, 'a part of text', part);
      return text;
    })
    .join('');
}

/** OpenAI writes the arguments of a call as a text of JSON; templates expect what it says. */
function withParsedArguments(call: unknown, field: string, source: ExampleSource): unknown {
  const inner = isObject(call) ? call['function'] : undefined;
  if (!isObject(inner) || typeof inner['arguments'] !== 'string') return call;
  const parsed = tryJson(inner['arguments']);
  requireWholePairs(parsed, `${field}.function.arguments`, source);
  return isObject(parsed) ? { ...(call as object), function: { ...inner, arguments: parsed } } : call;
}

export function toolsField(value: unknown, source: ExampleSource): Tool[] | undefined {
  if (given(value) === undefined || value === '') return undefined;
  return listField(value, 'tools', source, 'tools').map((each, i) => {
    if (!isObject(each)) throw wrongField(source, `tools[${i}]`, 'a tool', each);
    return each;
  });
}
