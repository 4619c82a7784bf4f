// OpenAI's official client against the server: chats, completions, responses, embeddings, streams, tools, structured output, errors,
// aborts. What is written is scripted; all of HTTP is real. What a model writes is asked for in serve-clients.test.ts.
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HttpError } from '../packages/tsumugi/src/serve/http/http-error.ts';
import { called, ended, said, scriptedServerOfFile } from '../packages/tsumugi/src/serve/scripted.testing.ts';

const server = scriptedServerOfFile();
const clientWith = (options: { apiKey?: string; maxRetries?: number } = {}) =>
  new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'secret', maxRetries: 0, ...options });
const user = (content: string) => ({ role: 'user', content }) as const;
const chat = { model: 'chat', messages: [user('猫は？')] };
const parameters = { type: 'object', properties: { 場所: { type: 'string' } }, required: ['場所'] };
const weather = { type: 'function' as const, function: { name: 'weather', parameters } };
const flatWeather = { type: 'function' as const, name: 'weather', parameters, strict: true };
const Answer = z.object({ 答え: z.number() });

describe('chat.completions', () => {
  it('gives an answer, and what it took', async () => {
    server.script({ pieces: [said('猫'), said('です'), ended('stop')] });
    const { choices, usage } = await clientWith().chat.completions.create({ ...chat, stop: '。', seed: 3 });
    expect(choices).toMatchObject([{ message: { role: 'assistant', content: '猫です' }, finish_reason: 'stop' }]);
    expect(usage).toMatchObject({
      prompt_tokens: 7,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 4 },
    });
    expect(server.calls[0]).toMatchObject({ stop: ['。'], sampling: { seed: 3 } });
  });

  it('streams, with the usage where it is asked for', async () => {
    server.script({ pieces: [said('猫'), said('です'), ended('length')] });
    const stream = clientWith().chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    expect(final.choices).toMatchObject([{ message: { content: '猫です' }, finish_reason: 'length' }]);
    expect((await stream.totalUsage()).total_tokens).toBe(12);
  });

  it('goes to a tool and back', async () => {
    server.script(
      { pieces: [called('weather', { 場所: '東京' }), ended('tool_calls')] },
      { pieces: [said('晴れです。'), ended('stop')] },
    );
    const places: unknown[] = [];
    const runner = clientWith().chat.completions.runTools({
      ...chat,
      tools: [
        {
          type: 'function',
          function: {
            ...weather.function,
            description: '天気',
            parse: (text: string) => JSON.parse(text) as { 場所: string },
            function: (input: { 場所: string }) => {
              places.push(input);
              return '晴れ';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe('晴れです。');
    expect(places).toEqual([{ 場所: '東京' }]);
    const { prompt } = server.calls[1]!;
    expect(prompt).toMatchObject({
      messages: [
        {},
        { tool_calls: [{ function: { arguments: { 場所: '東京' } } }] },
        { role: 'tool', content: '晴れ' },
      ],
    });
  });

  it('streams calls of tools', async () => {
    server.script({
      pieces: [said('見る'), called('weather', { 場所: '東京' }), called('weather', {}, 1), ended('tool_calls')],
    });
    const stream = clientWith().chat.completions.stream({ ...chat, tools: [weather] });
    const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0]!;
    expect(finish_reason).toBe('tool_calls');
    expect(message.tool_calls!.map((call) => call.type === 'function' && call.function.arguments)).toEqual([
      '{"場所":"東京"}',
      '{}',
    ]);
  });

  it('parses structured output', async () => {
    server.script({ pieces: [said('{"答え":3}'), ended('stop')] });
    const { choices } = await clientWith().chat.completions.parse({
      ...chat,
      response_format: zodResponseFormat(Answer, 'answer'),
    });
    expect(choices[0]!.message.parsed).toEqual({ 答え: 3 });
    expect(server.calls[0]!.format).toMatchObject({ type: 'json_schema', schema: { required: ['答え'] } });
  });

  it('ends the answer when its stream is left', async () => {
    server.script({ pieces: [...Array.from({ length: 5000 }, () => said('猫')), ended('stop')] });
    for await (const _ of await clientWith().chat.completions.create({ ...chat, stream: true })) break;
    await expect.poll(() => server.answers[0]!.ended).toBe(true);
  });

  it('throws what goes wrong on the way', async () => {
    server.script({ pieces: [said('猫')], fault: new HttpError(503, 'engine_restarted', 'the engine ended') });
    const stream = await clientWith().chat.completions.create({ ...chat, stream: true });
    await expect(Array.fromAsync(stream)).rejects.toThrow('the engine ended');
  });
});

describe('completions', () => {
  it('go on from texts and ids, whole and in a stream', async () => {
    server.script({ pieces: [said('猫'), said('です'), ended('stop')] });
    const client = clientWith();
    const { choices } = await client.completions.create({ model: 'chat', prompt: ['吾輩は', '犬は'] });
    expect(choices).toMatchObject([
      { index: 0, text: '猫です' },
      { index: 1, text: '猫です' },
    ]);
    const stream = await client.completions.create({ model: 'chat', prompt: [1, 20], stream: true });
    const texts = (await Array.fromAsync(stream)).map((chunk) => chunk.choices[0]?.text ?? '');
    expect(texts.join('')).toBe('猫です');
    expect(server.calls.map(({ prompt }) => prompt)).toEqual([{ text: '吾輩は' }, { text: '犬は' }, { ids: [1, 20] }]);
  });
});

describe('responses', () => {
  const input = '猫は？';

  it('gives a response', async () => {
    server.script({ pieces: [said('猫'), said('です'), ended('stop')] });
    const response = await clientWith().responses.create({ model: 'chat', input, instructions: '短く' });
    expect(response.output_text).toBe('猫です');
    expect(response).toMatchObject({
      status: 'completed',
      usage: { input_tokens: 7, input_tokens_details: { cached_tokens: 4 }, output_tokens: 5, total_tokens: 12 },
    });
    expect(server.calls[0]!.prompt).toMatchObject({ messages: [{ role: 'system', content: '短く' }, user(input)] });
  });

  it('streams to the response that is given without a stream', async () => {
    server.script({ pieces: [said('見る'), called('weather', { 場所: '東京' }), ended('tool_calls')] });
    const client = clientWith();
    const plain = (response: object) =>
      JSON.stringify(response, (key, value) =>
        /^(id|created_at|completed_at|output_parsed|parsed|parsed_arguments)$/.test(key) ? undefined : value,
      );
    const whole = await client.responses.create({ model: 'chat', input, tools: [flatWeather] });
    const stream = client.responses.stream({ model: 'chat', input, tools: [flatWeather] });
    const deltas: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
    expect(plain(await stream.finalResponse())).toBe(plain(whole));
    expect(deltas).toEqual(['見る']);
  });

  it('goes to a function and back', async () => {
    server.script(
      { pieces: [called('weather', { 場所: '東京' }), ended('tool_calls')] },
      { pieces: [said('晴れです。'), ended('stop')] },
    );
    const client = clientWith();
    const tools = [flatWeather];
    const first = await client.responses.create({ model: 'chat', input, tools, tool_choice: 'required' });
    const call = first.output.find((item) => item.type === 'function_call')!;
    expect(JSON.parse(call.arguments)).toEqual({ 場所: '東京' });
    const second = await client.responses.create({
      ...{ model: 'chat', tools },
      input: [
        user(input),
        ...first.output,
        { type: 'function_call_output', call_id: call.call_id, output: '晴れ' },
      ] as OpenAI.Responses.ResponseInput,
    });
    expect(second.output_text).toBe('晴れです。');
    expect(server.calls[0]!.prompt).toMatchObject({ toolChoice: 'required' });
    expect(server.calls[1]!.prompt).toMatchObject({
      messages: [
        user(input),
        { tool_calls: [{ id: call.call_id }] },
        { role: 'tool', content: '晴れ', name: 'weather' },
      ],
    });
  });

  it('parses structured output', async () => {
    server.script({ pieces: [said('{"答え":3}'), ended('stop')] });
    const text = { format: zodTextFormat(Answer, 'answer') };
    const response = await clientWith().responses.parse({ model: 'chat', input, text });
    expect(response.output_parsed).toEqual({ 答え: 3 });
    expect(server.calls[0]!.format).toMatchObject({ type: 'json_schema', schema: { required: ['答え'] } });
  });

  it('is incomplete where it was cut off', async () => {
    server.script({ pieces: [said('猫'), ended('length')] });
    const response = await clientWith().responses.create({ model: 'chat', input, max_output_tokens: 5 });
    expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
  });

  it('ends the answer when its stream is left, and throws what goes wrong on the way', async () => {
    server.script({ pieces: [...Array.from({ length: 5000 }, () => said('猫')), ended('stop')] });
    for await (const { type } of await clientWith().responses.create({ model: 'chat', input, stream: true }))
      if (type === 'response.output_text.delta') break;
    await expect.poll(() => server.answers[0]!.ended).toBe(true);
    server.script({ pieces: [said('猫')], fault: new HttpError(503, 'engine_restarted', 'the engine ended') });
    const broken = await clientWith().responses.create({ model: 'chat', input, stream: true });
    const types: string[] = [];
    await expect(
      (async () => {
        for await (const { type } of broken) types.push(type);
      })(),
    ).rejects.toThrow('the engine ended');
    expect(types.at(-1)).toBe('response.failed');
  });

  it('keeps nothing, and says what to do instead', async () => {
    const refused = async (options: object) =>
      clientWith()
        .responses.create({ model: 'chat', input, ...options } as OpenAI.Responses.ResponseCreateParamsNonStreaming)
        .catch((error: unknown) => error as InstanceType<typeof OpenAI.APIError>);
    for (const options of [{ previous_response_id: 'resp_1' }, { store: true }, { conversation: 'conv_1' }]) {
      const error = await refused(options);
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error).toMatchObject({ param: Object.keys(options)[0], code: 'invalid_field' });
      expect((error as Error).message).toContain('nothing is kept between requests');
    }
    await expect(clientWith().responses.retrieve('resp_1')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe('embeddings', () => {
  it('come as the numbers that they are, by base64 and without', async () => {
    const { tokenizer } = server;
    const ids = tokenizer.encode('猫', { addBos: true });
    const client = clientWith();
    const plain = await client.embeddings.create({ model: 'chat', input: '猫' });
    const float = await client.embeddings.create({ model: 'chat', input: '猫', encoding_format: 'float' });
    expect(plain.data).toEqual(float.data);
    expect(plain.data[0]!.embedding.slice(0, 3)).toEqual([...ids, 0]);
    expect(plain.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 });
  });

  it('are of texts, ids, and lists of them, in order', async () => {
    const client = clientWith();
    const firsts = async (input: OpenAI.EmbeddingCreateParams['input']) =>
      (await client.embeddings.create({ model: 'chat', input })).data.map(({ index, embedding }) => [
        index,
        embedding[1],
      ]);
    const [cat, dog] = ['猫', '犬'].map((text) => server.tokenizer.idOf(text));
    expect(await firsts(['猫', '犬'])).toEqual([
      [0, cat],
      [1, dog],
    ]);
    expect(await firsts([5, 6])).toEqual([[0, 6]]);
    expect(
      await firsts([
        [5, 6],
        [7, 8, 9],
      ]),
    ).toEqual([
      [0, 6],
      [1, 8],
    ]);
  });

  it.each([
    [{ input: '' }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: ['a', ''] }, 'input'],
    [{ input: [[]] }, 'input'],
    [{ input: [999_999] }, 'input'],
    [{ input: 'a', dimensions: 2 }, 'dimensions'],
    [{ input: 'a', encoding_format: 'int8' }, 'encoding_format'],
  ])('are refused: %j', async (options, param) => {
    const request = { model: 'chat', ...options } as OpenAI.EmbeddingCreateParams;
    const error = await clientWith()
      .embeddings.create(request)
      .catch((each: unknown) => each as InstanceType<typeof OpenAI.APIError>);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect((error as { param: string }).param.startsWith(param)).toBe(true);
  });
});

describe('models', () => {
  it('are listed, and found by name', async () => {
    const client = clientWith();
    expect((await Array.fromAsync(client.models.list())).map(({ id }) => id)).toEqual(['chat']);
    expect((await client.models.retrieve('chat')).id).toBe('chat');
    await expect(client.models.retrieve('x')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe('errors', () => {
  const thrown = (options: object, client = clientWith()) =>
    client.chat.completions.create({ ...chat, ...options }).then(
      () => expect.unreachable('it is refused'),
      (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
    );

  it.each(['wrong', 'secre', 'secret2'])('of the key are AuthenticationError: %j', async (apiKey) => {
    const error = await thrown({}, clientWith({ apiKey }));
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error.type).toBe('authentication_error');
    expect(error.message).not.toContain(apiKey);
    expect(server.calls).toEqual([]);
  });

  it('of the body are BadRequestError, and name the field', async () => {
    for (const [options, param] of [
      [{ temperature: -1 }, 'temperature'],
      [{ messages: [] }, 'messages'],
      [
        { messages: [user('a'), { role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
        'messages',
      ],
      [{ n: 1000 }, 'n'],
      [{ logprobs: true, top_logprobs: 99 }, 'top_logprobs'],
      [{ stop: Array.from({ length: 99 }, String) }, 'stop'],
      [{ tools: [weather], tool_choice: { type: 'function', function: { name: 'x' } } }, 'tool_choice'],
    ] as const) {
      const error = await thrown(options);
      expect(error, param).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error.type).toBe('invalid_request_error');
      expect(error.param!.startsWith(param), error.param!).toBe(true);
      expect(error.requestID).toMatch(/^req-/);
    }
  });

  it('of the model are NotFoundError', async () => {
    expect(await thrown({ model: 'gpt-5' })).toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('of a full queue are RateLimitError, and are tried again after Retry-After', async () => {
    const refusal = new HttpError(429, 'queue_full', 'too many wait', { retryAfter: 1 });
    server.script({ refusal });
    const error = await thrown({});
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error.headers!.get('retry-after')).toBe('1');
    server.script({ refusal }, { pieces: [said('猫'), ended('stop')] });
    const { choices } = await clientWith({ maxRetries: 1 }).chat.completions.create(chat);
    expect(choices[0]!.message.content).toBe('猫');
  });

  it('of the engine are InternalServerError', async () => {
    server.script({ refusal: new HttpError(503, 'engine_restarted', 'the engine ended') });
    expect(await thrown({})).toBeInstanceOf(OpenAI.InternalServerError);
    server.script({ pieces: [said('猫')], fault: new HttpError(500, 'internal_error', 'broken') });
    expect(await thrown({})).toBeInstanceOf(OpenAI.InternalServerError);
  });
});
