// Tools and structured output of the official clients against a live server: a tiny model with random weights is held to what was asked for,
// so that what it writes is always a call of a tool that there is, or an object of the schema.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Answer, type Backend, openBackend } from '../packages/tsumugi/src/eval/index.ts';
import { chatModel, type LiveServer, startLive } from '../packages/tsumugi/src/serve/serve.testing.ts';

/** ChatML that tells of tools. */
const template = `{% if tools %}{{ '<|im_start|>system\\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{{ '<|im_end|>\\n' }}{% endif %}
{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content }}
{%- for call in message.tool_calls or [] %}{{ '<tool_call>' }}{{ call.function | tojson }}{{ '</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;

const tiny = chatModel(3);
const file = join(tiny.folder, 'tokenizer_config.json');
writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), chat_template: template }));
let server: LiveServer;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
  server = await startLive({ models: [{ name: 'chat', folder: tiny.folder }] });
  openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
}, 120_000);
afterAll(async () => {
  await server.close();
  tiny[Symbol.dispose]();
});

const parameters = {
  type: 'object',
  properties: { unit: { enum: ['C', 'F'] }, day: { type: 'boolean' } },
  required: ['unit', 'day'],
  additionalProperties: false,
};
const Args = z.object({ unit: z.enum(['C', 'F']), day: z.boolean() }).strict();
const user = { role: 'user', content: '天気は？' } as const;
const asked = { model: 'chat', max_tokens: 200, temperature: 1 };

describe('a tool that must be called', () => {
  it('is called with its arguments, and takes part in the next turn: chats', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
    const chat = { ...asked, tools, parallel_tool_calls: false };
    const messages: OpenAI.Chat.ChatCompletionMessageParam[] = [user];
    const { message, finish_reason } = (
      await openai.chat.completions.create({ ...chat, messages, tool_choice: 'required', seed: 1 })
    ).choices[0]!;
    expect(finish_reason).toBe('tool_calls');
    const [call] = message.tool_calls as OpenAI.Chat.ChatCompletionMessageFunctionToolCall[];
    expect(call!.function.name).toBe('weather');
    Args.parse(JSON.parse(call!.function.arguments));
    messages.push(message, { role: 'tool', tool_call_id: call!.id, content: '晴れ' });
    const next = await openai.chat.completions.create({ ...chat, messages, tool_choice: 'none', max_tokens: 8 });
    expect(next.choices[0]!.message.tool_calls).toBeUndefined();
  });

  it('is called alike in a stream: chats', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
    const choice = { type: 'function' as const, function: { name: 'weather' } };
    const chat = { ...asked, tools, messages: [user], tool_choice: choice, seed: 5 };
    const whole = (await openai.chat.completions.create(chat)).choices[0]!.message.tool_calls!;
    const streamed = (await openai.chat.completions.stream(chat).finalChatCompletion()).choices[0]!.message.tool_calls!;
    const given = (calls: typeof whole) => calls.map((call) => call.type === 'function' && call.function.arguments);
    expect(given(streamed)).toEqual(given(whole));
  });

  it('is called with its arguments, and takes part in the next turn: messages', async () => {
    const tools = [{ name: 'weather', input_schema: parameters as Anthropic.Tool.InputSchema }];
    const one = { type: 'tool', name: 'weather', disable_parallel_tool_use: true } as const;
    const message = await anthropic.messages
      .stream({ ...asked, tools, messages: [user], tool_choice: one })
      .finalMessage();
    expect(message.stop_reason).toBe('tool_use');
    const use = message.content.at(-1) as Anthropic.ToolUseBlock;
    Args.parse(use.input);
    const next = await anthropic.messages.create({
      ...{ ...asked, tools, max_tokens: 8, tool_choice: { type: 'none' } },
      messages: [
        user,
        { role: 'assistant', content: message.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '晴れ' }] },
      ],
    });
    expect(next.content.filter(({ type }) => type === 'tool_use')).toEqual([]);
    expect(['max_tokens', 'end_turn']).toContain(next.stop_reason);
  });

  it('is called with its arguments, and takes part in the next turn: responses', async () => {
    const tools = [{ type: 'function' as const, name: 'weather', parameters, strict: true }];
    const { max_tokens: max_output_tokens, ...rest } = asked;
    const options = { ...rest, max_output_tokens, tools, parallel_tool_calls: false };
    const first = await openai.responses.create({ ...options, input: [user], tool_choice: 'required' });
    const call = first.output.find((item) => item.type === 'function_call')!;
    Args.parse(JSON.parse(call.arguments));
    const output = { type: 'function_call_output' as const, call_id: call.call_id, output: '晴れ' };
    const input = [user, ...first.output, output] as OpenAI.Responses.ResponseInput;
    const next = await openai.responses.create({ ...options, input, tool_choice: 'none', max_output_tokens: 8 });
    expect(next.output.filter(({ type }) => type === 'function_call')).toEqual([]);
    expect(['incomplete', 'completed']).toContain(next.status);
  });
});

describe('a tool', () => {
  it.each([
    ['without parameters', {}, '{}'],
    ['with null', { parameters: null }, '{}'],
    ['with an empty object of them', { parameters: { properties: {}, additionalProperties: false } }, '{}'],
    ['with a schema that says nothing', { parameters: { description: 'x', maxProperties: 0 } }, undefined],
  ])('%s is called with an object', async (_, more, expected) => {
    const tools = [{ type: 'function', function: { name: 'now', ...more } }];
    const body = { ...asked, seed: 1, messages: [user], tools, tool_choice: 'required', parallel_tool_calls: false };
    const { body: answer, status } = await server.post('/v1/chat/completions', body);
    if (expected === undefined) return expect([status, answer.error?.param]).toEqual([400, 'tools']);
    expect(answer.choices[0].message.tool_calls[0].function).toEqual({ name: 'now', arguments: expected });
    expect(answer.choices[0].finish_reason).toBe('tool_calls');
  });

  it('may have been called with nothing, or with what is no JSON, in an earlier turn', async () => {
    for (const args of ['', ' ', '{"a":', '3']) {
      const call = { id: 'c1', type: 'function', function: { name: 'now', arguments: args } };
      const messages = [
        user,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c1', content: '12時' },
      ];
      expect((await server.post('/v1/chat/completions', { ...asked, max_tokens: 2, messages })).status, args).toBe(200);
      const input = [
        user,
        { type: 'function_call', call_id: 'c1', name: 'now', arguments: args },
        { type: 'function_call_output', call_id: 'c1', output: '12時' },
      ];
      expect((await server.post('/v1/responses', { model: 'chat', max_output_tokens: 2, input })).status, args).toBe(
        200,
      );
    }
  });
});

it('means the only model that is served by none', async () => {
  const [max_tokens, messages] = [2, [user]];
  for (const model of [undefined, null, ''])
    for (const [path, body] of [
      ['/v1/completions', { max_tokens, prompt: '猫' }],
      ['/v1/chat/completions', { max_tokens, messages }],
      ['/v1/messages', { max_tokens, messages }],
      ['/v1/messages/count_tokens', { messages }],
      ['/v1/responses', { max_output_tokens: max_tokens, input: '猫' }],
      ['/v1/embeddings', { input: '猫' }],
    ] as const) {
      const answer = await server.post(path, { ...body, model });
      expect(answer.status, path).toBe(200);
      if (!path.endsWith('count_tokens')) expect(answer.body.model, path).toBe('chat');
    }
});

it('scores texts through echo as our own evaluation does by itself', async () => {
  await using inside = await openBackend({ model: tiny.folder });
  await using outside = await openBackend({ model: 'chat', endpoint: `${server.url}/v1` });
  expect([...outside.kinds].sort()).toEqual(['choices', 'generate', 'rolling']);
  const requests = [
    { kind: 'choices', prompt: '吾輩は', choices: ['猫', '犬である', '山'] },
    { kind: 'choices', prompt: 'émigré は', choices: ['猫', 'é'] },
    { kind: 'rolling', text: '吾輩は猫である。名前はまだ無い。' },
  ] as const;
  const answers = async (backend: Backend) => {
    const all: Answer[] = [];
    await backend.answer(requests, (i, answer) => (all[i] = answer));
    return all.map((each) => ('logprobs' in each ? each.logprobs : 'nats' in each ? each.nats : []));
  };
  const [own, told] = [await answers(inside), await answers(outside)];
  for (const [i, values] of own.entries())
    for (const [k, value] of values.entries()) expect(Math.abs(told[i]![k]! - value), `${i}, ${k}`).toBeLessThan(1e-4);
});

describe('structured output', () => {
  it('is parsed by the helpers of the clients', async () => {
    const chat = await openai.chat.completions.parse({
      ...{ ...asked, messages: [user] },
      response_format: zodResponseFormat(Args, 'weather'),
    });
    expect(Args.safeParse(chat.choices[0]!.message.parsed).success).toBe(true);
    const { max_tokens: max_output_tokens, ...rest } = asked;
    const options = { ...rest, max_output_tokens, input: [user], text: { format: zodTextFormat(Args, 'weather') } };
    const response = await openai.responses.parse(options);
    expect(Args.safeParse(response.output_parsed).success).toBe(true);
    const streamed = await openai.responses.stream(options).finalResponse();
    expect(Args.safeParse(streamed.output_parsed).success).toBe(true);
    const message = await anthropic.messages.create({
      ...{ ...asked, messages: [user] },
      output_config: { format: { type: 'json_schema', schema: parameters } },
    });
    expect(Args.safeParse(JSON.parse((message.content[0] as Anthropic.TextBlock).text)).success).toBe(true);
  });

  it('is refused where the schema cannot be held to', async () => {
    const schema = { type: 'object', properties: { a: { not: {} } } };
    const format = { type: 'json_schema' as const, schema };
    await expect(
      anthropic.messages.create({ ...asked, messages: [user], output_config: { format } }),
    ).rejects.toBeInstanceOf(Anthropic.BadRequestError);
    await expect(
      openai.responses.create({ model: 'chat', input: 'a', text: { format: { ...format, name: 'x' } } }),
    ).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });
});
