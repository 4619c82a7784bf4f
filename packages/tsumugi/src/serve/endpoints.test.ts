// What endpoints make of a request and of an answer whose pieces are known, at the edges that clients reach: limits, several answers
// and prompts in one stream, log-probabilities, who is told what came from the cache, what the log is told.
import { describe, expect, it } from 'vitest';
import type { EndReason, Piece, TokenInfo } from './answer/call.ts';
import { HttpError } from './http/http-error.ts';
import { listModels } from './openai/models.ts';
import { called, ended, said, scriptedServerOfFile } from './scripted.testing.ts';
import { eventsOf } from './serve.testing.ts';
import type { Serving } from './serving.ts';

const server = scriptedServerOfFile();
const post = async (path: string, body: object) => {
  const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
  return await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify({ model: 'chat', ...body }) });
};
// biome-ignore lint/suspicious/noExplicitAny: what the test looks at
const ask = async (path: string, body: object): Promise<any> => (await post(path, body)).json();
const stream = async (path: string, body: object) => await eventsOf(await post(path, { ...body, stream: true }));
const messages = [{ role: 'user', content: 'a' }];
const token = (text: string, logprob: number, bytes = [...Buffer.from(text)]): TokenInfo => ({
  ...{ id: 9, text, logprob, bytes },
  top: [{ id: 8, text: 'b', bytes: [98], logprob: -3 }],
});
const text = (choice: number, words: string, logprobs?: TokenInfo[]): Piece => ({
  ...{ choice, type: 'text', text: words },
  ...(logprobs && { logprobs }),
});
const end = (choice: number, reason: EndReason = 'stop', logprobs?: TokenInfo[]): Piece => ({
  ...{ choice, type: 'end', reason },
  ...(logprobs && { logprobs }),
});
const short = { pieces: [said('猫'), ended('stop')] };

describe('a call', () => {
  it('has every way of choosing tokens that completions and chats take', async () => {
    server.script(short);
    const fields = {
      ...{ temperature: 0.5, top_p: 0.9, top_k: 7, min_p: 0.1, repetition_penalty: 1.1, seed: 4 },
      ...{ presence_penalty: 0.2, frequency_penalty: 0.3, logit_bias: { 5: -1 } },
      ...{ min_tokens: 2, stop: ['', 'x'], stop_token_ids: [6], ignore_eos: true, cache_salt: 's', n: 2 },
    };
    await ask('/v1/completions', { prompt: 'a', ...fields, max_tokens: 9, top_k: -1 });
    await ask('/v1/chat/completions', { messages, ...fields, max_completion_tokens: 9, parallel_tool_calls: false });
    for (const [i, topK] of [0, 7].entries())
      expect(server.calls[i]).toMatchObject({
        sampling: {
          ...{ temperature: 0.5, topP: 0.9, topK, minP: 0.1, repetitionPenalty: 1.1, seed: 4 },
          ...{ presencePenalty: 0.2, frequencyPenalty: 0.3, logitBias: { 5: -1 } },
        },
        ...{ minTokens: 2, stop: ['x'], stopIds: [6], ignoreEos: true, cacheSalt: 's', n: 2, maxTokens: 9 },
      });
    expect(server.calls[1]!.prompt).toMatchObject({ parallelToolCalls: false });
  });

  it('asks for sixteen tokens where a completion says nothing, as OpenAI has it, and a chat for what there is', async () => {
    server.script(short);
    await ask('/v1/completions', { prompt: 'a' });
    await ask('/v1/chat/completions', { messages });
    expect(server.calls.map(({ maxTokens }) => maxTokens)).toEqual([16, undefined]);
  });

  const stops = (count: number, length = 1) => ({ stop: Array.from({ length: count }, () => 'x'.repeat(length)) });
  const two = { prompt: ['a', 'b'] };
  it.each<[what: string, path: string, most: object, more: object, code: string]>([
    ['answers', '/v1/completions', { n: 16 }, { n: 17 }, 'n_too_large'],
    ['answers to all prompts', '/v1/completions', { ...two, n: 8 }, { ...two, n: 9 }, 'n_too_large'],
    ['log-probabilities', '/v1/completions', { logprobs: 20 }, { logprobs: 21 }, 'logprobs_too_large'],
    ['log-probabilities of items', '/v1/responses', { top_logprobs: 20 }, { top_logprobs: 21 }, 'logprobs_too_large'],
    ['stop strings', '/v1/completions', stops(16), stops(17), 'too_many_stops'],
    ['letters of a stop string', '/v1/completions', stops(1, 256), stops(1, 257), 'stop_too_long'],
    [
      'tokens of a vector',
      '/v1/embeddings',
      { input: 'a'.repeat(4095) },
      { input: 'a'.repeat(4096) },
      'context_length_exceeded',
    ],
  ])('has as many %s as it may, and no more', async (_, path, most, more, code) => {
    server.script({ pieces: [] });
    const least = path === '/v1/completions' ? { prompt: 'a' } : { input: 'a' };
    expect((await ask(path, { ...least, ...most })).error ?? null).toBeNull();
    expect((await ask(path, { ...least, ...more })).error).toMatchObject({ type: 'invalid_request_error', code });
  });

  it('has what functions gave back as what tools gave back, and the earlier name of a format', async () => {
    server.script(short);
    const turns = [...messages, { role: 'function', name: 'f', content: 'x' }];
    await ask('/v1/chat/completions', { messages: turns });
    expect(server.calls[0]!.prompt).toMatchObject({ messages: [{}, { role: 'tool', name: 'f' }] });
    const schema = { type: 'object' };
    await ask('/v1/messages', { messages, max_tokens: 3, output_format: { type: 'json_schema', schema } });
    expect(server.calls[1]!.format).toEqual({ type: 'json_schema', schema });
  });

  it('has an earlier refusal as what was said', async () => {
    server.script(short);
    const content = [{ type: 'refusal', refusal: 'no' }];
    await ask('/v1/responses', { input: [{ role: 'assistant', content }, ...messages] });
    expect(server.calls[0]!.prompt).toMatchObject({ messages: [{ role: 'assistant', content: 'no' }, {}] });
  });
});

describe('several answers in one stream', () => {
  it('are told apart by prompt and place, and each begins with its own prompt where that is asked', async () => {
    // Both prompts get these pieces.
    server.script({ pieces: [text(0, 'x'), text(1, 'y'), end(0), end(1, 'length')] });
    const asked = { prompt: ['p', 'q'], n: 2, echo: true };
    const whole = (await ask('/v1/completions', asked)).choices;
    expect(whole.map((each: { text: string }) => each.text)).toEqual(['px', 'py', 'qx', 'qy']);
    const events = await stream('/v1/completions', asked);
    expect(events.pop()).toBe('[DONE]');
    const choices = events.flatMap((each) => each.choices);
    for (const [index, expected] of whole.entries()) {
      const own = choices.filter((each) => each.index === index);
      expect(own.map((each) => each.text).join('')).toBe(expected.text);
      expect(own.at(-1).finish_reason).toBe(expected.finish_reason);
    }
  });

  it('stand in their order in a whole', async () => {
    server.script({ pieces: [text(1, 'y'), text(0, 'x'), end(1), end(0)] });
    const { choices } = await ask('/v1/chat/completions', { messages, n: 2 });
    expect(choices.map((each: { message: { content: string } }) => each.message.content)).toEqual(['x', 'y']);
  });
});

describe('log-probabilities', () => {
  const half = token('bytes:\\xe7', -0.5, [0xe7]);
  const pieces = [
    text(0, '猫は', [token('猫', -1), token('は', -2)]),
    text(0, '山', [half, token('山', -4)]),
    end(0, 'stop', [half]),
  ];

  it('stream as they are whole, with the place of each token in the text', async () => {
    server.script({ pieces });
    const { logprobs: whole } = (await ask('/v1/completions', { prompt: 'a', logprobs: 1 })).choices[0];
    // A byte has no character of its own.
    expect(whole.text_offset).toEqual([0, 1, 2, 2, 3]);
    expect(whole.token_logprobs).toEqual([-1, -2, -0.5, -4, -0.5]);
    // OpenAI tells of the token itself, too, though it is none of the likeliest.
    expect(whole.top_logprobs[0]).toEqual({ b: -3, 猫: -1 });
    const events = await stream('/v1/completions', { prompt: 'a', logprobs: 1 });
    const told = events.slice(0, -1).flatMap(({ choices }) => (choices[0].logprobs ? [choices[0].logprobs] : []));
    for (const field of ['tokens', 'token_logprobs', 'top_logprobs', 'text_offset'])
      expect(told.flatMap((each) => each[field])).toEqual(whole[field]);
  });

  it('stream as they are whole, in chats', async () => {
    server.script({ pieces });
    const asked = { messages, logprobs: true, top_logprobs: 1 };
    const whole = (await ask('/v1/chat/completions', asked)).choices[0].logprobs.content;
    expect(whole.map(({ logprob }: { logprob: number }) => logprob)).toEqual([-1, -2, -0.5, -4, -0.5]);
    expect(whole[2].bytes).toEqual([0xe7]);
    const events = await stream('/v1/chat/completions', asked);
    const told = events.slice(0, -1).flatMap(({ choices }) => choices[0].logprobs?.content ?? []);
    expect(told).toEqual(whole);
  });

  it('of tokens that gave no text at the end are in a response, too', async () => {
    server.script({ pieces });
    const { output } = await ask('/v1/responses', { input: 'a', top_logprobs: 1 });
    expect(output[0].content[0].logprobs.map(({ logprob }: { logprob: number }) => logprob)).toEqual([
      -1, -2, -0.5, -4, -0.5,
    ]);
  });
});

describe('what it took', () => {
  const usage = { prompt: 7, cached: 4, cachedReason: 'rest-is-new', generated: 5 };

  it('is told with the reason why not more came from the cache, and null before the end of a stream', async () => {
    server.script({ ...short, usage });
    expect((await ask('/v1/chat/completions', { messages })).usage).toEqual({
      ...{ prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
      prompt_tokens_details: { cached_tokens: 4, cached_reason: 'rest-is-new' },
    });
    for (const [path, body] of [
      ['/v1/chat/completions', { messages }],
      ['/v1/completions', { prompt: 'a' }],
    ] as const) {
      const events = await stream(path, { ...body, stream_options: { include_usage: true } });
      const usages = events.slice(0, -1).map((each) => each.usage);
      expect(usages.pop()).toMatchObject({ total_tokens: 12 });
      expect(usages.length > 0 && usages.every((each) => each === null)).toBe(true);
      for (const event of (await stream(path, body)).slice(0, -1)) expect(event).not.toHaveProperty('usage');
    }
  });

  it("is known in Anthropic's shape when the stream begins", async () => {
    server.script({ ...short, usage });
    const [{ message }] = await namedEvents('/v1/messages', { messages, max_tokens: 3 });
    expect(message.usage).toMatchObject({ input_tokens: 3, cache_read_input_tokens: 4 });
  });

  it('is in the log, whatever the shape', async () => {
    server.script({ ...short, usage });
    for (const [path, body] of [
      ['/v1/chat/completions', { messages }],
      ['/v1/chat/completions', { messages, stream: true }],
      ['/v1/completions', { prompt: 'a' }],
      ['/v1/messages', { messages, max_tokens: 3 }],
      ['/v1/responses', { input: 'a', stream: true }],
    ] as const) {
      server.logged.length = 0;
      await (await post(path, body)).text();
      await expect.poll(() => server.logged.length).toBe(1);
      expect(server.logged[0], path).toMatchObject({ path, model: 'chat', prompt: 7, cached: 4, generated: 5 });
    }
    server.logged.length = 0;
    await ask('/v1/embeddings', { input: ['猫', '犬'] });
    await expect.poll(() => server.logged).toMatchObject([{ path: '/v1/embeddings', model: 'chat', prompt: 4 }]);
  });
});

/** The events of a stream whose events have names. */
async function namedEvents(path: string, body: object) {
  const parts = (await (await post(path, { ...body, stream: true })).text()).split('\n\n').filter(Boolean);
  return parts.map((part) => {
    const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(part)!;
    const event = JSON.parse(data!);
    expect(event.type).toBe(name);
    return event;
  });
}

it('an answer that is calls alone says nothing', async () => {
  server.script({ pieces: [called('f', {}), ended('tool_calls')] });
  const { message } = (await ask('/v1/chat/completions', { messages })).choices[0];
  expect([message.content, message.tool_calls.length]).toEqual([null, 1]);
});

it('a response that failed has a code that the client knows', async () => {
  server.script({ pieces: [said('猫')], fault: new HttpError(503, 'engine_restarted', 'the engine ended') });
  const events = await namedEvents('/v1/responses', { input: 'a' });
  expect(events.at(-2).response.error).toEqual({ code: 'server_error', message: 'the engine ended' });
});

it('letters of special pieces in texts are letters', async () => {
  const special = '<|plamo:eos|>';
  const { usage } = await ask('/v1/embeddings', { input: special });
  expect(usage.prompt_tokens).toBe(1 + server.tokenizer.encode(special, { safe: true }).length);
});

it('a conversation is counted with its tools', async () => {
  // ChatML has no place for them, and says so.
  const tools = [{ type: 'function', function: { name: 'f' } }];
  expect((await ask('/tokenize', { messages, tools })).error.message).toContain('no place for tools');
});

it('models say whether they answer messages', async () => {
  const model = { name: 'm', created: 1, contextTokens: 9, place: { name: 'm', folder: '/m' } };
  const models = new Map<string, object>([
    ['m', model],
    ['c', { ...model, name: 'c', template: {} }],
  ]);
  const { data } = (await (await listModels.answer({} as never, { models } as unknown as Serving)).json()) as {
    data: object[];
  };
  expect(data).toMatchObject([
    { id: 'm', chat_template: false, max_model_len: 9 },
    { id: 'c', chat_template: true },
  ]);
});

it('the files of the chat page come as what they are, and anew', async () => {
  const headers = { authorization: 'Bearer secret' };
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/page/main.js', 'text/javascript; charset=utf-8'],
    ['/page/style.css', 'text/css; charset=utf-8'],
    ['/page/icon.svg', 'image/svg+xml'],
  ] as const) {
    const response = await fetch(server.url + path, { headers });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect(response.headers.get('cache-control')).toBe('no-cache');
  }
  expect((await fetch(`${server.url}/page/none.js`, { headers })).status).toBe(404);
});
