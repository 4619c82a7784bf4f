// Calls of tools: read out of a text however it is cut, and asked for by a grammar.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../base/index.ts';
import { builtInTemplate, TEMPLATES } from '../built-in.ts';
import { jinjaTemplate } from '../template.ts';
import { type SpokenPart, ToolCallParser } from './tool-call-parser.ts';
import { toolFormat } from './tool-format.ts';
import { toolGrammar } from './tool-grammar.ts';

const call = (name: string, args: object, spaces = '') =>
  `<tool_call>${spaces}${JSON.stringify({ name, arguments: args })}${spaces}</tool_call>`;
const called = (name: string, args: object): SpokenPart => ({ type: 'call', name, arguments: JSON.stringify(args) });
const said = (text: string): SpokenPart => ({ type: 'text', text });

/** The parts of a text that comes in these pieces; texts that follow each other as one. */
function read(pieces: readonly string[], names?: string[]): SpokenPart[] {
  const parser = new ToolCallParser(names);
  const parts: SpokenPart[] = [];
  for (const part of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]) {
    const last = parts.at(-1);
    if (part.type === 'text' && last?.type === 'text') parts[parts.length - 1] = said(last.text + part.text);
    else parts.push(part);
  }
  return parts;
}

const cases: [string, string, SpokenPart[]][] = [
  ['no call', 'こんにちは。\n', [said('こんにちは。\n')]],
  ['nothing', '', []],
  ['a call', call('get', { city: '東京' }), [called('get', { city: '東京' })]],
  ['a call in lines', call('get', {}, '\n'), [called('get', {})]],
  ['words before', `調べます。\n\n${call('get', {})}\n`, [said('調べます。'), called('get', {})]],
  [
    'two calls',
    `${call('get', { a: 1 })}\n${call('set', { b: [2] })}`,
    [called('get', { a: 1 }), called('set', { b: [2] })],
  ],
  ['words behind', `${call('get', {})}\nはい。`, [called('get', {}), said('\nはい。')]],
  ['a tag in the arguments', call('get', { q: '<tool_call>' }), [called('get', { q: '<tool_call>' })]],
  [
    'arguments as a text',
    '<tool_call>{"name":"get","arguments":"{\\"a\\": 1}"}</tool_call>',
    [called('get', { a: 1 })],
  ],
  ['no arguments', '<tool_call>{"name":"get"}</tool_call>', [called('get', {})]],
  ['a call without its end', '<tool_call>\n{"name":"get","arguments":{"a":1}}\n', [called('get', { a: 1 })]],
  ['a call cut off', 'x <tool_call>{"name":"get","argu', [said('x<tool_call>{"name":"get","argu')]],
  ['broken JSON', 'x<tool_call>{name: get}</tool_call>y', [said('x<tool_call>{name: get}</tool_call>y')]],
  ['no object', '<tool_call>[1]</tool_call>', [said('<tool_call>[1]</tool_call>')]],
  [
    'arguments that are none',
    '<tool_call>{"name":"get","arguments":[1]}</tool_call>',
    [said('<tool_call>{"name":"get","arguments":[1]}</tool_call>')],
  ],
  ['a tool that is not there', call('rm', {}), [said(call('rm', {}))]],
  ['the beginning of a tag', 'a < b <tool', [said('a < b <tool')]],
];

describe('a text', () => {
  it.each(cases)('with %s is read however it is cut', (_, text, expected) => {
    const random = new RandomStream(9);
    expect(read([text], ['get', 'set'])).toEqual(expected);
    expect(read([...text], ['get', 'set'])).toEqual(expected);
    for (let round = 0; round < 20; round++) {
      const pieces: string[] = [];
      for (let place = 0; place < text.length; ) {
        const length = 1 + random.below(9);
        pieces.push(text.slice(place, place + length));
        place += length;
      }
      expect(read(pieces, ['get', 'set'])).toEqual(expected);
    }
  });

  it('is told as soon as it is certain', () => {
    const parser = new ToolCallParser();
    expect(parser.push('はい')).toEqual([said('はい')]);
    expect(parser.push('。\n<tool')).toEqual([said('。')]);
    expect(parser.push('s>')).toEqual([said('\n<tools>')]);
    expect(parser.push(`${call('any', {})} x`)).toEqual([called('any', {}), said(' x')]);
  });

  it('costs no more than its length', () => {
    const parser = new ToolCallParser();
    parser.push('<tool_call>');
    const before = process.cpuUsage();
    for (let i = 0; i < 20_000; i++) parser.push('{"a": 1, ');
    expect(process.cpuUsage(before).user).toBeLessThan(10e6);
    expect(parser.end()).toHaveLength(1);
  });
});

it('gives texts that follow each other in one piece as one', () => {
  expect(new ToolCallParser().push('a <tool_call>b</tool_call> c')).toEqual([said('a<tool_call>b</tool_call> c')]);
});

it('is known of a template whether it tells of tools, and how they are called', () => {
  for (const name of TEMPLATES) expect(toolFormat(builtInTemplate(name)!)).toBe('none');
  const template = (source: string) => toolFormat(jinjaTemplate({ name: 'x', source }));
  expect(template("{% for tool in tools %}{{ tool | tojson }}{% endfor %}{{ '<tool_call>' }}")).toBe('tags');
  expect(template('{% for tool in tools %}{{ tool | tojson }}{% endfor %}')).toBe('unknown');
});

describe('a grammar of calls', () => {
  const tool = (name: string, parameters?: object) => ({
    type: 'function',
    function: { name, ...(parameters && { parameters }) },
  });
  const tools = [
    tool('get', { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }),
    tool('now'),
  ];

  it('is there where a call is asked for', () => {
    expect(toolGrammar(tools, 'auto')).toBeUndefined();
    expect(toolGrammar(tools, 'none')).toBeUndefined();
    expect(toolGrammar(tools, 'required')).toContain('get');
    expect(toolGrammar(tools, { name: 'now' })).not.toContain('get');
  });

  it('has one call where several are not asked for, and looks into the schema of each tool', () => {
    const root = (grammar: string | undefined) => grammar!.split('\n')[0]!;
    expect(root(toolGrammar(tools, 'required'))).toMatch(/^root ::= (r\d+) \(\S+ \1\)\*$/);
    expect(root(toolGrammar(tools, 'required', false))).toMatch(/^root ::= r\d+$/);
    const own = (name: string, value: string) =>
      tool(name, { type: 'object', properties: { a: { $ref: '#/$defs/v' } }, $defs: { v: { const: value } } });
    const grammar = toolGrammar([own('x', 'first'), own('y', 'second')], 'required');
    for (const value of ['first', 'second']) expect(grammar).toContain(value);
  });

  it.each([
    [[], 'required', 'a tool is to be called, but there are none'],
    [tools, { name: 'rm' }, 'the tool "rm" is to be called, but it is not there'],
    [[{ type: 'function' }], 'required', 'tool 0 has no name'],
    [
      [tool('get', { type: 'object', properties: { a: { not: {} } } })],
      'required',
      'the schema at get#/properties/a has "not"',
    ],
  ] as [object[], 'required', string][])('%# is refused', (given, choice, message) => {
    expect(() => toolGrammar(given as never, choice)).toThrow(message);
  });
});
