// Anthropic's turns as messages for a template, what is asked as a call, and pieces of an answer as a message and its events.
import { describe, expect, it } from 'vitest';
import type { Piece } from '../answer/call.ts';
import { fakeAnswering } from '../answer/fake.testing.ts';
import { eventsOf } from '../answer/in-events.ts';
import { HttpError } from '../http/http-error.ts';
import { defaultLimits } from '../limits.ts';
import { conversationOf, type Turn } from './conversation.ts';
import { Reply } from './reply.ts';
import { callOf, messagesBody } from './request.ts';

const signal = new AbortController().signal;
const use = (id: string, name: string, input = {}) => ({ type: 'tool_use', id, name, input }) as const;
const result = (tool_use_id: string, content: string | { type: 'text'; text: string }[]) =>
  ({ type: 'tool_result', tool_use_id, content }) as const;
const text = (said: string) => ({ type: 'text', text: said }) as const;

describe('turns', () => {
  it('are messages, the system in front, and turns of one speaker are one', () => {
    expect(
      conversationOf('短く答える。', [
        { role: 'user', content: '猫は' },
        { role: 'user', content: [text('好き'), text('？')] },
        { role: 'assistant', content: 'はい' },
        { role: 'user', content: 'なぜ？' },
      ]),
    ).toEqual([
      { role: 'system', content: '短く答える。' },
      { role: 'user', content: '猫は\n好き\n？' },
      { role: 'assistant', content: 'はい' },
      { role: 'user', content: 'なぜ？' },
    ]);
  });

  it('call tools in the turn of the assistant, and tools answer in turns of their own, with their names', () => {
    const turns: Turn[] = [
      { role: 'user', content: '天気は？' },
      { role: 'assistant', content: [text('見ます。'), use('t1', 'weather', { 場所: '東京' }), use('t2', 'time')] },
      { role: 'user', content: [result('t1', '晴れ'), result('t2', [text('正'), text('午')]), text('まとめて。')] },
    ];
    expect(conversationOf(undefined, turns)).toEqual([
      { role: 'user', content: '天気は？' },
      {
        role: 'assistant',
        content: '見ます。',
        tool_calls: [
          { id: 't1', type: 'function', function: { name: 'weather', arguments: { 場所: '東京' } } },
          { id: 't2', type: 'function', function: { name: 'time', arguments: {} } },
        ],
      },
      { role: 'tool', content: '晴れ', name: 'weather', tool_call_id: 't1' },
      { role: 'tool', content: '正\n午', name: 'time', tool_call_id: 't2' },
      { role: 'user', content: 'まとめて。' },
    ]);
  });

  it('leave out what the model thought before', () => {
    const turns: Turn[] = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: [{ type: 'thinking' }, text('b')] },
      { role: 'user', content: 'c' },
    ];
    expect(conversationOf('', turns).map(({ content }) => content)).toEqual(['a', 'b', 'c']);
  });

  it.each<[string, Turn[], string]>([
    [
      'an answer that was begun',
      [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
      'messages',
    ],
    ['nothing said', [{ role: 'user', content: '' }], 'messages'],
    ['a result of no call', [{ role: 'user', content: [result('t9', 'x')] }], 'messages.0.content.0.tool_use_id'],
    ['a call by the user', [{ role: 'user', content: [text('a'), use('t', 'f')] }], 'messages.0.content.1'],
    ['a result of the assistant', [{ role: 'assistant', content: [result('t', 'x')] }], 'messages.0.content.0'],
  ])('are refused for %s, with the place', (_, turns, param) => {
    try {
      conversationOf(undefined, turns);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(HttpError);
      expect(error).toMatchObject({ status: 400, param });
    }
  });
});

describe('a request', () => {
  const asked = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'a' }] };
  const call = (more: object) => callOf(messagesBody.parse({ ...asked, ...more }), defaultLimits, signal);

  it('is a call', () => {
    expect(
      call({
        temperature: 0.5,
        top_p: 0.9,
        top_k: 4,
        stop_sequences: ['。'],
        cache_salt: 's',
        metadata: { user_id: 'x' },
      }),
    ).toEqual({
      model: 'm',
      prompt: { messages: [{ role: 'user', content: 'a' }] },
      sampling: { temperature: 0.5, topP: 0.9, topK: 4 },
      maxTokens: 9,
      stop: ['。'],
      n: 1,
      cacheSalt: 's',
      signal,
    });
  });

  it('takes null as nothing', () => {
    expect(call({ system: null, tools: null, temperature: null, tool_choice: null })).toEqual(call({}));
  });

  it.each([
    [{ type: 'auto' }, { toolChoice: 'auto' }],
    [
      { type: 'any', disable_parallel_tool_use: true },
      { toolChoice: 'required', parallelToolCalls: false },
    ],
    [{ type: 'tool', name: 'f' }, { toolChoice: { name: 'f' } }],
    [{ type: 'none' }, { toolChoice: 'none' }],
  ])('gives its tools to the template, and asks for %j', (tool_choice, expected) => {
    const tools = [
      { name: 'f', description: 'd', input_schema: { type: 'object' } },
      { name: 'g', input_schema: {} },
    ];
    expect(call({ tools, tool_choice }).prompt).toMatchObject({
      tools: [
        { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } },
        { type: 'function', function: { name: 'g', parameters: {} } },
      ],
      ...expected,
    });
  });

  it('holds an answer to a schema', () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' } } };
    expect(call({ output_config: { format: { type: 'json_schema', schema } } }).format).toEqual({
      type: 'json_schema',
      schema,
    });
  });

  const message = (content: unknown) => ({ messages: [{ role: 'user', content }] });
  it.each<[object, string, string]>([
    [message([{ type: 'image', source: {} }]), 'messages.0.content', 'blocks of the type \\"image\\"'],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search', input_schema: {} }] }, 'tools.0.type', 'web_search'],
    [{ max_tokens: 0 }, 'max_tokens', '1'],
    [{ temperature: 3 }, 'temperature', '2'],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, 'thinking', ''],
    [{ mcp_servers: [{}] }, 'mcp_servers', 'is not supported'],
  ])('is refused: %j', (more, path, words) => {
    const { success, error } = messagesBody.safeParse({ ...asked, ...more });
    expect(success).toBe(false);
    expect(JSON.stringify(error!.issues)).toContain(words);
    expect(error!.issues[0]!.path.join('.').startsWith(path)).toBe(true);
  });
});

const said = (words: string): Piece => ({ choice: 0, type: 'text', text: words });
const called = (name: string, given: string): Piece => ({
  choice: 0,
  type: 'tool-call',
  index: 0,
  id: `call_${name}`,
  name,
  arguments: given,
});
const end = (reason: 'stop' | 'length' | 'tool_calls', stopString?: string): Piece => ({
  choice: 0,
  type: 'end',
  reason,
  ...(stopString !== undefined && { stopString }),
});

async function written(pieces: readonly Piece[]) {
  const reply = new Reply('m', 7);
  const answering = fakeAnswering(pieces, { prompt: 7, cached: 4, cachedReason: 'rest-is-new', generated: 5 });
  const events = await Array.fromAsync(eventsOf(reply, answering));
  return { events, message: reply.message };
}

describe('an answer', () => {
  it('is a message and its events, with tokens from the cache counted beside the others', async () => {
    const { events, message } = await written([said('猫'), said('です'), end('stop')]);
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ type: 'text', text: '猫です' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 5, cached_reason: 'rest-is-new' },
    });
    expect(events.map(({ type }) => type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(events[0]).toMatchObject({ message: { content: [], usage: { input_tokens: 7, output_tokens: 0 } } });
    expect(events[5]).toMatchObject({ delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } });
  });

  it('has calls of tools in blocks of their own', async () => {
    const pieces = [said('見る'), called('f', '{"a":1}'), called('g', '{}'), end('tool_calls')];
    const { events, message } = await written(pieces);
    expect(message.content).toMatchObject([
      { type: 'text', text: '見る' },
      { type: 'tool_use', id: 'call_f', name: 'f', input: { a: 1 } },
      { type: 'tool_use', id: 'call_g', name: 'g', input: {} },
    ]);
    expect(message.stop_reason).toBe('tool_use');
    expect(events.flatMap((each) => ('index' in each ? [`${each.type} ${each['index']}`] : []))).toEqual([
      'content_block_start 0',
      'content_block_delta 0',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_stop 1',
      'content_block_start 2',
      'content_block_delta 2',
      'content_block_stop 2',
    ]);
  });

  it.each([
    [end('length'), 'max_tokens', null],
    [end('stop', '。'), 'stop_sequence', '。'],
    [end('stop'), 'end_turn', null],
  ] as const)('may say nothing, and says why it ended: %j', async (piece, stop_reason, stop_sequence) => {
    const { message } = await written([piece]);
    expect(message).toMatchObject({ content: [], stop_reason, stop_sequence });
  });

  it('ends with its stream', async () => {
    const answering = fakeAnswering([said('a'), said('b'), end('stop')], { prompt: 1, cached: 0, generated: 2 });
    for await (const { type } of eventsOf(new Reply('m', 1), answering)) if (type === 'content_block_delta') break;
    expect(answering.ended).toBe(true);
  });
});
