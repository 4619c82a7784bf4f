// Anthropic's official client against the server: messages, streams, tools, structured output, counting, errors, aborts. What is written
// is scripted; all of HTTP is real. What a model writes is asked for in serve-clients.test.ts.
import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { HttpError } from '../packages/tsumugi/src/serve/http/http-error.ts';
import { called, ended, said, scriptedServerOfFile } from '../packages/tsumugi/src/serve/scripted.testing.ts';

const server = scriptedServerOfFile();
const clientWith = (options: { apiKey?: string; maxRetries?: number } = {}) =>
  new Anthropic({ baseURL: server.url, apiKey: 'secret', maxRetries: 0, ...options });
const user = (content: string) => ({ role: 'user', content }) as const;
const asked = { model: 'chat', max_tokens: 16, messages: [user('猫は？')] };
const tools: Anthropic.Tool[] = [
  {
    name: 'weather',
    description: '天気',
    input_schema: { type: 'object', properties: { 場所: { type: 'string' } }, required: ['場所'] },
  },
];

describe('messages.create', () => {
  it('gives a message', async () => {
    server.script({ pieces: [said('猫'), said('です'), ended('stop')] });
    const message = await clientWith().messages.create({ ...asked, system: '短く', stop_sequences: ['。'] });
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: '猫です' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 5 },
    });
    expect(message.id).toMatch(/^msg_\w{32}$/);
    expect(server.calls[0]).toMatchObject({
      prompt: { messages: [{ role: 'system', content: '短く' }, user('猫は？')] },
      maxTokens: 16,
      stop: ['。'],
    });
  });

  it('streams events', async () => {
    server.script({ pieces: [said('猫'), said('です'), ended('stop', '。')] });
    const events = await Array.fromAsync(await clientWith().messages.create({ ...asked, stream: true }));
    expect(events.map(({ type }) => type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(events.find(({ type }) => type === 'message_delta')).toMatchObject({
      delta: { stop_reason: 'stop_sequence', stop_sequence: '。' },
    });
  });
});

describe('messages.stream', () => {
  it('comes to the message that is given without a stream', async () => {
    server.script({ pieces: [said('見る'), called('weather', { 場所: '東京' }), ended('tool_calls')] });
    const client = clientWith();
    const { id: _first, ...whole } = await client.messages.create({ ...asked, tools });
    const stream = client.messages.stream({ ...asked, tools });
    const { id: _second, parsed_output: _, ...final } = await stream.finalMessage();
    expect(JSON.parse(JSON.stringify(final))).toMatchObject(whole as object);
    expect(await stream.finalText()).toBe('見る');
  });

  it('ends the answer when it is aborted', async () => {
    const many = Array.from({ length: 5000 }, () => said('猫'));
    server.script({ pieces: [...many, ended('stop')] });
    const stream = clientWith().messages.stream(asked);
    stream.on('text', () => stream.abort());
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError);
    await expect.poll(() => server.answers[0]!.ended).toBe(true);
  });

  it('throws what goes wrong on the way', async () => {
    server.script({ pieces: [said('猫')], fault: new HttpError(503, 'engine_restarted', 'the engine ended') });
    const stream = clientWith().messages.stream(asked);
    const texts: string[] = [];
    stream.on('text', (text) => texts.push(text));
    await expect(stream.finalMessage()).rejects.toThrow('the engine ended');
    expect(texts).toEqual(['猫']);
  });
});

describe('tools', () => {
  it('go there and back', async () => {
    server.script(
      { pieces: [said('見ます。'), called('weather', { 場所: '東京' }), ended('tool_calls')] },
      { pieces: [said('晴れです。'), ended('stop')] },
    );
    const client = clientWith();
    const first = await client.messages.create({ ...asked, tools, tool_choice: { type: 'any' } });
    expect(first.stop_reason).toBe('tool_use');
    const use = first.content.find((block) => block.type === 'tool_use')!;
    expect(use).toMatchObject({ name: 'weather', input: { 場所: '東京' } });
    const second = await client.messages.create({
      ...asked,
      tools,
      messages: [
        ...asked.messages,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '晴れ' }] },
      ],
    });
    expect(second.content).toMatchObject([{ type: 'text', text: '晴れです。' }]);
    expect(server.calls[0]!.prompt).toMatchObject({
      toolChoice: 'required',
      tools: [{ function: { name: 'weather' } }],
    });
    expect(server.calls[1]!.prompt).toMatchObject({
      messages: [
        user('猫は？'),
        { role: 'assistant', content: '見ます。', tool_calls: [{ id: use.id, function: { name: 'weather' } }] },
        { role: 'tool', content: '晴れ', name: 'weather', tool_call_id: use.id },
      ],
    });
  });

  it('are run by the client’s own runner', async () => {
    server.script(
      { pieces: [called('weather', { 場所: '京都' }), ended('tool_calls')] },
      { pieces: [said('雨です。'), ended('stop')] },
    );
    const places: unknown[] = [];
    const run = async (input: unknown) => {
      places.push(input);
      return '雨';
    };
    const message = await clientWith().beta.messages.toolRunner({
      ...asked,
      tools: [{ ...tools[0]!, type: 'custom', run, parse: (input: unknown) => input }],
    });
    expect(message.content).toMatchObject([{ type: 'text', text: '雨です。' }]);
    expect(places).toEqual([{ 場所: '京都' }]);
  });
});

describe('structured output', () => {
  it('is asked for by a schema, and parsed', async () => {
    server.script({ pieces: [said('{"答え":3}'), ended('stop')] });
    const schema = { type: 'object', properties: { 答え: { type: 'integer' } } };
    const message = await clientWith().messages.create({
      ...asked,
      output_config: { format: { type: 'json_schema', schema } },
    });
    expect(server.calls[0]!.format).toEqual({ type: 'json_schema', schema });
    expect(JSON.parse((message.content[0] as Anthropic.TextBlock).text)).toEqual({ 答え: 3 });
  });
});

describe('messages.countTokens', () => {
  it('counts the prompt as the template writes it', async () => {
    const count = async (messages: Anthropic.MessageParam[], system?: string) => {
      const options = { model: 'chat', messages, ...(system !== undefined && { system }) };
      return (await clientWith().messages.countTokens(options)).input_tokens;
    };
    const { tokenizer } = server;
    const text = '<|im_start|>user\n猫は？<|im_end|>\n<|im_start|>assistant\n';
    expect(await count([user('猫は？')])).toBe(1 + tokenizer.encode(text).length);
    const system = '<|im_start|>system\n短く<|im_end|>\n';
    expect(await count([user('猫は？')], '短く')).toBe(1 + tokenizer.encode(system + text).length);
    expect(server.calls).toEqual([]);
  });

  it('refuses what cannot be a conversation', async () => {
    const messages = [user('a'), { role: 'assistant', content: 'b' } as const];
    await expect(clientWith().messages.countTokens({ model: 'chat', messages })).rejects.toBeInstanceOf(
      Anthropic.BadRequestError,
    );
  });
});

describe('errors', () => {
  const thrown = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => expect.unreachable('it is refused'),
      (each: unknown) => each,
    );
    return error as InstanceType<typeof Anthropic.APIError>;
  };
  const create = (options: object, client = clientWith()) =>
    thrown(client.messages.create({ ...asked, ...options } as Anthropic.MessageCreateParamsNonStreaming));

  it.each(['wrong', ''])('of the key are AuthenticationError: %j', async (apiKey) => {
    const error = await create({}, clientWith({ apiKey }));
    expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(error.type).toBe('authentication_error');
    expect(JSON.stringify(error.error)).not.toContain('secret');
    expect(server.calls).toEqual([]);
  });

  it('of the body are BadRequestError, and name the field', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: '' } };
    for (const [options, words] of [
      [{ max_tokens: undefined }, '"max_tokens" is missing'],
      [{ messages: [] }, '"messages"'],
      [{ messages: [{ role: 'user', content: [image] }] }, 'blocks of the type "image" are not supported'],
      [{ container: 'x' }, '"container": is not supported'],
      [{ temperature: 9 }, '"temperature" is 9'],
      [{ tool_choice: { type: 'any' } }, 'tool_choice asks for a tool, and there are no tools'],
      [{ tools, tool_choice: { type: 'tool', name: 'x' } }, 'which is not among the tools'],
      [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'web_search_20250305'],
    ] as const) {
      const error = await create(options);
      expect(error).toBeInstanceOf(Anthropic.BadRequestError);
      expect(error.type).toBe('invalid_request_error');
      expect(error.apiMessage).toContain(words);
      expect(error.requestID).toMatch(/^req-/);
    }
  });

  it('of the model are NotFoundError', async () => {
    const error = await create({ model: 'chta' });
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(error.apiMessage).toContain('Did you mean "chat"?');
  });

  it('of a full queue are RateLimitError, and are tried again after Retry-After', async () => {
    const refusal = new HttpError(429, 'queue_full', 'too many wait', { retryAfter: 1 });
    server.script({ refusal });
    const error = await create({});
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
    expect(error.type).toBe('rate_limit_error');
    server.script({ refusal }, { pieces: [said('猫'), ended('stop')] });
    const { content } = await clientWith({ maxRetries: 1 }).messages.create(asked);
    expect(content).toMatchObject([{ text: '猫' }]);
  });

  it('of the engine are InternalServerError', async () => {
    server.script({ refusal: new HttpError(503, 'engine_restarted', 'the engine ended') });
    const error = await create({});
    expect(error).toBeInstanceOf(Anthropic.InternalServerError);
    expect(error.type).toBe('overloaded_error');
    server.script({ pieces: [said('猫')], fault: new HttpError(500, 'internal_error', 'broken') });
    expect(await create({})).toBeInstanceOf(Anthropic.InternalServerError);
  });
});
