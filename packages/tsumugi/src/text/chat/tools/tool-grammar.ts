// Grammars of calls of tools, for where a call is asked for: one of the tools, or this one, with arguments that match its schema.
import { DataError, isObject } from '../../../base/index.ts';
import { literal, Rules } from '../../grammar/ebnf.ts';
import { colon, comma } from '../../grammar/json-values.ts';
import { SchemaReader } from '../../grammar/schema.ts';
import type { Tool } from '../message.ts';
import { CALL_BEGIN, CALL_END } from './tool-format.ts';

/** Whether tools are called: as the model likes, not at all, at least one, or this one. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** The name of a tool and the schema of its arguments. @throws DataError for a tool that is described some other way */
export function describedTool(tool: Tool, i: number): { name: string; parameters: unknown } {
  const inner = isObject(tool['function']) ? tool['function'] : tool;
  const { name, parameters } = inner;
  if (typeof name !== 'string' || name === '')
    throw new DataError('bad-tool', `tool ${i} has no name`, {
      remedy: 'Write { type: "function", function: { name, parameters } }.',
    });
  return { name, parameters: argumentsSchema(parameters) };
}

/** Keywords by which a schema says what it is without `type`. */
const SAYS_WHAT = ['type', 'anyOf', 'oneOf', 'allOf', '$ref', 'enum', 'const'];

/** Arguments are an object, whether the schema says so or not. Who leaves it out has a function without any, as OpenAI has it. */
function argumentsSchema(parameters: unknown): unknown {
  if (parameters === undefined || parameters === null)
    return { type: 'object', properties: {}, additionalProperties: false };
  if (parameters === true) return { type: 'object' };
  if (!isObject(parameters) || SAYS_WHAT.some((keyword) => keyword in parameters)) return parameters;
  return { ...parameters, type: 'object' };
}

/**
 * The grammar of an answer that is calls of tools and nothing else: one, or several where `parallel`. Undefined where the choice leaves it
 * to the model.
 *
 * @throws DataError for a tool that is not there, or whose schema text cannot be held to
 */
export function toolGrammar(tools: readonly Tool[], choice: ToolChoice, parallel = true): string | undefined {
  if (choice === 'auto' || choice === 'none') return undefined;
  const all = tools.map(describedTool);
  const asked = typeof choice === 'string' ? all : all.filter(({ name }) => name === choice.name);
  if (asked.length === 0) {
    const wanted = typeof choice === 'string' ? 'a tool' : `the tool ${JSON.stringify(choice.name)}`;
    throw new DataError(
      'no-such-tool',
      `${wanted} is to be called, but ${all.length > 0 ? 'it is not there' : 'there are none'}`,
      {
        remedy: all.length > 0 ? `Tools are ${all.map(({ name }) => name).join(', ')}.` : 'Give tools.',
      },
    );
  }
  const rules = new Rules();
  const key = (name: string) => `${literal(JSON.stringify(name))} ${colon}`;
  const calls = asked.map(({ name, parameters }) => {
    const args = new SchemaReader(parameters, rules).rule(parameters, `${name}#`);
    return rules.add(
      `${literal('{')} ${key('name')} ${literal(JSON.stringify(name))} ${comma} ${key('arguments')} ${args} ${literal('}')}`,
    );
  });
  const line = `${literal('\n')}?`;
  const call = rules.add(`${literal(CALL_BEGIN)} ${line} (${calls.join(' | ')}) ${line} ${literal(CALL_END)}`);
  const several = parallel && typeof choice === 'string';
  return rules.text(several ? `${call} (${line} ${call})*` : call);
}
