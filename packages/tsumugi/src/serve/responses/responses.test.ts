// Items as messages for a template, what is asked as a call, and pieces of an answer as a response and its events.
import { describe, expect, it } from 'vitest';
import type { Piece, TokenInfo } from '../answer/call.ts';
import { fakeAnswering } from '../answer/fake.testing.ts';
import { eventsOf } from '../answer/in-events.ts';
import { HttpError } from '../http/http-error.ts';
import { defaultLimits } from '../limits.ts';
import { conversationOf } from './conversation.ts';
import { inputItem } from './items.ts';
import { Reply } from './reply.ts';
import { callOf, responsesBody } from './request.ts';

const signal = new AbortController().signal;
const call = (more: object) => callOf(responsesBody.parse({ model: 'm', input: 'a', ...more }), defaultLimits, signal);
const messagesOf = (...items: unknown[]) =>
  conversationOf(
    undefined,
    items.map((item) => inputItem.parse(item)),
  );
const calls = (call_id: string, name: string, given = '{}') => ({
  type: 'function_call',
  id: `fc_${call_id}`,
  status: 'completed',
  call_id,
  name,
  arguments: given,
});

describe('input', () => {
  it('is a text, behind the instructions', () => {
    expect(call({ instructions: '短く。' }).prompt).toEqual({
      messages: [
        { role: 'system', content: '短く。' },
        { role: 'user', content: 'a' },
      ],
    });
  });

  it('is items, those of earlier answers too', () => {
    expect(
      messagesOf(
        { role: 'developer', content: 's' },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'u' },
            { type: 'input_text', text: 'v' },
          ],
        },
        { type: 'reasoning', id: 'r', summary: [] },
        {
          type: 'message',
          id: 'msg_1',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'b', annotations: [] }],
        },
        { type: 'message', role: 'user', content: 'c' },
      ),
    ).toEqual([
      { role: 'system', content: 's' },
      { role: 'user', content: 'u\nv' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]);
  });

  it('has calls of functions in the turn of the assistant, and what they gave back after it', () => {
    expect(
      messagesOf(
        { role: 'user', content: '天気は？' },
        { role: 'assistant', content: '見ます。' },
        calls('c1', 'weather', '{"場所":"東京"}'),
        calls('c2', 'time'),
        { type: 'function_call_output', call_id: 'c1', output: '晴れ' },
        { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: '正午' }] },
        calls('c3', 'time'),
        { type: 'function_call_output', call_id: 'c3', output: '夜' },
      ),
    ).toEqual([
      { role: 'user', content: '天気は？' },
      {
        role: 'assistant',
        content: '見ます。',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'weather', arguments: { 場所: '東京' } } },
          { id: 'c2', type: 'function', function: { name: 'time', arguments: {} } },
        ],
      },
      { role: 'tool', content: '晴れ', name: 'weather', tool_call_id: 'c1' },
      { role: 'tool', content: '正午', name: 'time', tool_call_id: 'c2' },
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'c3', type: 'function', function: { name: 'time', arguments: {} } }],
      },
      { role: 'tool', content: '夜', name: 'time', tool_call_id: 'c3' },
    ]);
  });

  it.each<[string, unknown[], string]>([
    ['an output of no call', [{ type: 'function_call_output', call_id: 'c9', output: 'x' }], 'input.0.call_id'],
    ['instructions alone', [{ role: 'system', content: 'a' }], 'input'],
  ])('is refused for %s, with the place', (_, items, param) => {
    try {
      messagesOf(...items);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(HttpError);
      expect(error).toMatchObject({ status: 400, param });
    }
  });
});

describe('a request', () => {
  it('is a call', () => {
    expect(
      call({ temperature: 0, top_p: 0.9, seed: 3, max_output_tokens: 9, top_logprobs: 2, cache_salt: 's', user: 'x' }),
    ).toEqual({
      model: 'm',
      prompt: { messages: [{ role: 'user', content: 'a' }] },
      sampling: { temperature: 0, topP: 0.9, seed: 3 },
      maxTokens: 9,
      stop: [],
      n: 1,
      logprobs: 2,
      cacheSalt: 's',
      signal,
    });
    expect(call({ include: ['message.output_text.logprobs'] }).logprobs).toBe(0);
    expect(call({ previous_response_id: null, store: false, temperature: null })).toEqual(call({}));
  });

  const [f, g] = [
    { type: 'function', name: 'f', parameters: { type: 'object' } },
    { type: 'function', name: 'g' },
  ];
  it.each([
    ['auto', { toolChoice: 'auto' }, ['f', 'g']],
    ['required', { toolChoice: 'required' }, ['f', 'g']],
    [{ type: 'function', name: 'g' }, { toolChoice: { name: 'g' } }, ['f', 'g']],
    [{ type: 'allowed_tools', mode: 'required', tools: [g] }, { toolChoice: 'required' }, ['g']],
  ] as const)('gives its functions to the template, and asks for %j', (tool_choice, expected, names) => {
    const { prompt } = call({ tools: [f, g], tool_choice, parallel_tool_calls: false });
    expect(prompt).toMatchObject({ ...expected, parallelToolCalls: false });
    const { tools } = prompt as unknown as { tools: { function: { name: string; parameters: unknown } }[] };
    expect(tools.map((each) => each.function.name)).toEqual(names);
    expect(tools.at(-1)!.function.parameters).toMatchObject({ type: 'object', properties: {} });
  });

  it('holds an answer to a schema, or to JSON', () => {
    const schema = { type: 'object' };
    const format = (each: object) => call({ text: { format: each } }).format;
    expect(format({ type: 'json_schema', name: 'n', schema, strict: true })).toEqual({ type: 'json_schema', schema });
    expect(format({ type: 'json_object' })).toEqual({ type: 'json_object' });
    expect(format({ type: 'text' })).toBeUndefined();
  });

  it.each<[object, string, string]>([
    [{ previous_response_id: 'resp_1' }, 'previous_response_id', 'Send the earlier items in'],
    [{ store: true }, 'store', 'can only be false'],
    [{ background: true }, 'background', 'can only be false'],
    [{ conversation: 'c' }, 'conversation', 'is not supported'],
    [{ truncation: 'auto' }, 'truncation', 'disabled'],
    [{ tools: [{ type: 'web_search' }] }, 'tools.0', 'web_search'],
    [{ input: [] }, 'input', ''],
    [{ input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] }, 'input', 'input_image'],
    [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input', 'item_reference'],
  ])('is refused: %j', (more, path, words) => {
    const { success, error } = responsesBody.safeParse({ model: 'm', input: 'a', ...more });
    expect(success).toBe(false);
    expect(JSON.stringify(error!.issues)).toContain(words);
    expect(error!.issues[0]!.path.join('.').startsWith(path)).toBe(true);
  });

  it('does not allow a function that is not there', () => {
    expect(() => call({ tool_choice: 'required' })).toThrow('there are no tools');
    expect(() => call({ tools: [f], tool_choice: g })).toThrow('"g", which is not among the tools');
    expect(() => call({ tools: [f], tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [g] } })).toThrow(
      'there is no tool "g"',
    );
  });
});

const token: TokenInfo = {
  id: 9,
  text: '猫',
  bytes: [231],
  logprob: -1,
  top: [{ id: 8, text: '犬', bytes: [1], logprob: -2 }],
};
const said = (text: string, logprobs?: TokenInfo[]): Piece => ({
  choice: 0,
  type: 'text',
  text,
  ...(logprobs && { logprobs }),
});
const called = (name: string, given: string): Piece => ({
  choice: 0,
  type: 'tool-call',
  index: 0,
  id: `call_${name}`,
  name,
  arguments: given,
});
const end = (reason: 'stop' | 'length' | 'tool_calls'): Piece => ({ choice: 0, type: 'end', reason });

async function written(...pieces: Piece[]) {
  const reply = new Reply(responsesBody.parse({ model: 'm', input: 'a', metadata: { k: 'v' } }));
  const answering = fakeAnswering(pieces, { prompt: 7, cached: 4, cachedReason: 'rest-is-new', generated: 5 });
  const events = await Array.fromAsync(eventsOf(reply, answering));
  return { events, response: reply.response };
}

describe('a response', () => {
  it('is an object and its numbered events', async () => {
    const { events, response } = await written(said('猫', [token]), said('です'), end('stop'));
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'm',
      metadata: { k: 'v' },
      store: false,
      output: [
        {
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [
            {
              type: 'output_text',
              text: '猫です',
              annotations: [],
              logprobs: [
                { token: '猫', bytes: [231], logprob: -1, top_logprobs: [{ token: '犬', bytes: [1], logprob: -2 }] },
              ],
            },
          ],
        },
      ],
      usage: {
        input_tokens: 7,
        input_tokens_details: { cached_tokens: 4, cached_reason: 'rest-is-new' },
        output_tokens: 5,
        total_tokens: 12,
      },
    });
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ]);
    expect(events.map((each) => each.sequence_number)).toEqual(events.map((_, i) => i));
    expect(events[0]).toMatchObject({ response: { status: 'in_progress', output: [], usage: null } });
    expect(events.at(-1)).toMatchObject({ response: { id: response.id, output: response.output } });
  });

  it('has calls of functions as items of their own', async () => {
    const { events, response } = await written(
      said('見る'),
      called('f', '{"a":1}'),
      called('g', '{}'),
      end('tool_calls'),
    );
    expect(response.output).toMatchObject([
      { type: 'message', status: 'completed' },
      { type: 'function_call', status: 'completed', call_id: 'call_f', name: 'f', arguments: '{"a":1}' },
      { type: 'function_call', status: 'completed', call_id: 'call_g', name: 'g', arguments: '{}' },
    ]);
    const places = events.flatMap((each) => ('output_index' in each ? [each['output_index']] : []));
    expect(places).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect(new Set(response.output.map(({ id }) => id)).size).toBe(3);
  });

  it('is incomplete where it was cut off', async () => {
    const { events, response } = await written(said('猫'), end('length'));
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    });
    expect(events.at(-1)!.type).toBe('response.incomplete');
  });

  it('says what went wrong in its stream', () => {
    const reply = new Reply(responsesBody.parse({ model: 'm', input: 'a' }));
    const [failed, error] = [...reply.fail(new HttpError(503, 'engine-lost', 'the engine ended'))];
    expect(failed).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { message: 'the engine ended' } },
    });
    expect(error).toMatchObject({
      type: 'error',
      code: 'engine_lost',
      message: 'the engine ended',
      sequence_number: 1,
    });
  });
});
