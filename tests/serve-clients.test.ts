// The official clients against a live server: what a tiny model writes comes through every endpoint alike, whole and in streams.
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { atOnce } from '../packages/tsumugi/src/base/index.ts';
import { embedIds, loadModel } from '../packages/tsumugi/src/lm/index.ts';
import { liveServerOfFile } from '../packages/tsumugi/src/serve/serve.testing.ts';

const live = liveServerOfFile({ keys: ['secret'] });
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(() => {
  const options = { apiKey: 'secret', maxRetries: 0 };
  openai = new OpenAI({ baseURL: `${live.server.url}/v1`, ...options });
  anthropic = new Anthropic({ baseURL: live.server.url, ...options });
});

const user = (content: string) => ({ role: 'user', content }) as const;
const messages = [user('猫は川')];
const greedy = { model: 'chat', temperature: 0 };

describe('what a model writes', () => {
  it('is the same by every endpoint, whole and in streams', async () => {
    const chat = { ...greedy, messages, max_tokens: 12 };
    const { choices } = await openai.chat.completions.create(chat);
    const text = choices[0]!.message.content!;
    expect(text).not.toBe('');
    const streamed = await openai.chat.completions.stream(chat).finalChatCompletion();
    const message = await anthropic.messages.create(chat);
    const streamedMessage = await anthropic.messages.stream(chat).finalMessage();
    const asked = { ...greedy, input: messages, max_output_tokens: 12 };
    const response = await openai.responses.create(asked);
    const streamedResponse = await openai.responses.stream(asked).finalResponse();
    expect([
      streamed.choices[0]!.message.content,
      ...[message, streamedMessage].map(({ content }) => (content[0] as Anthropic.TextBlock).text),
      ...[response, streamedResponse].map((each) => each.output_text),
    ]).toEqual([text, text, text, text, text]);
    expect([message.stop_reason, response.status, choices[0]!.finish_reason]).toEqual([
      'max_tokens',
      'incomplete',
      'length',
    ]);
  });

  it('goes on from a text and from its ids', async () => {
    const { tokens } = (await live.server.post('/tokenize', { model: 'tiny', prompt: '猫は' }, bearer)).body as {
      tokens: number[];
    };
    const texts = await Promise.all(
      ['猫は', tokens].map(async (prompt) => {
        const { choices } = await openai.completions.create({ ...greedy, model: 'tiny', prompt, max_tokens: 8 });
        return choices[0]!.text;
      }),
    );
    expect(texts[0]).toBe(texts[1]);
  });

  it('follows its seed, and is several where several are asked for', async () => {
    const asked = { model: 'chat', messages, max_tokens: 10, temperature: 1, seed: 11, n: 3 };
    const write = async () => (await openai.chat.completions.create(asked)).choices.map((each) => each.message.content);
    const texts = await write();
    expect(await write()).toEqual(texts);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  it('has log-probabilities, the same in chats and responses', async () => {
    const { choices } = await openai.chat.completions.create({
      ...{ ...greedy, messages, max_tokens: 6 },
      ...{ logprobs: true, top_logprobs: 2 },
    });
    const tokens = choices[0]!.logprobs!.content!;
    expect(tokens.length).toBe(6);
    for (const { logprob, top_logprobs } of tokens) {
      expect(top_logprobs.length).toBe(2);
      expect(logprob).toBe(Math.max(...top_logprobs.map((each) => each.logprob)));
    }
    const response = await openai.responses.create({
      ...{ ...greedy, input: messages, max_output_tokens: 6, top_logprobs: 2 },
      include: ['message.output_text.logprobs'],
    });
    const [item] = response.output;
    const part = (item as OpenAI.Responses.ResponseOutputMessage).content[0] as OpenAI.Responses.ResponseOutputText;
    expect(part.logprobs!.map(({ token, logprob }) => [token, logprob])).toEqual(
      tokens.map(({ token, logprob }) => [token, logprob]),
    );
  });

  it('ends before a stop string, by every name of it', async () => {
    const free = (await openai.chat.completions.create({ ...greedy, messages, max_tokens: 12 })).choices[0]!.message
      .content!;
    const stop = [...free][2]!;
    const before = free.slice(0, free.indexOf(stop));
    const chat = await openai.chat.completions.create({ ...greedy, messages, max_tokens: 12, stop });
    expect(chat.choices[0]).toMatchObject({ message: { content: before }, finish_reason: 'stop' });
    const message = await anthropic.messages.create({
      ...greedy,
      messages,
      max_tokens: 12,
      stop_sequences: ['x', stop],
    });
    expect(message).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: stop });
    expect(message.content.map((block) => (block as Anthropic.TextBlock).text).join('')).toBe(before);
  });
});

describe('what it took', () => {
  it('is counted as countTokens says, and the next turn comes from the cache', async () => {
    const first = [user('吾輩は猫である。名前はまだない。'.repeat(6))];
    const count = async (asked: Anthropic.MessageParam[]) =>
      (await anthropic.messages.countTokens({ model: 'chat', messages: asked })).input_tokens;
    const options = { model: 'chat', max_tokens: 8, temperature: 0 };
    const answer = await anthropic.messages.create({ ...options, messages: first });
    const read = ({ usage }: Anthropic.Message) => usage.input_tokens + usage.cache_read_input_tokens!;
    expect(read(answer)).toBe(await count(first));
    const next = [...first, { role: 'assistant', content: answer.content } as const, user('なぜ？')];
    const { usage } = await anthropic.messages.stream({ ...options, messages: next }).finalMessage();
    expect(usage.input_tokens + usage.cache_read_input_tokens!).toBe(await count(next));
    // The first message and the answer are known: what is read is the new turn.
    expect(usage.cache_read_input_tokens).toBeGreaterThanOrEqual((await count(first)) - 1);
    const salted = { ...options, messages: next, cache_salt: 'another' };
    expect((await anthropic.messages.create(salted)).usage.cache_read_input_tokens).toBe(0);
  });
});

describe('embeddings', () => {
  it('are those of the library, the same bits alone, in any list, and beside texts that are written', async () => {
    const inputs = ['猫は山', '犬', '吾輩は猫である。'.repeat(50)];
    const [together, ...alone] = await Promise.all([
      openai.embeddings.create({ model: 'tiny', input: inputs }),
      ...inputs.map((input) => openai.embeddings.create({ model: 'tiny', input })),
      openai.completions.create({ model: 'tiny', prompt: '猫', max_tokens: 30 }),
    ]);
    const { tokens } = (await live.server.post('/tokenize', { model: 'tiny', prompt: inputs[2] }, bearer)).body as {
      tokens: number[];
    };
    using model = loadModel(live.folders.tiny);
    const vectors = together.data.map(({ embedding }) => embedding);
    expect(vectors[2]).toEqual([...Float32Array.from(atOnce(embedIds(model, tokens)))]);
    for (const [i, vector] of vectors.entries()) {
      expect((alone[i] as OpenAI.CreateEmbeddingResponse).data[0]!.embedding).toEqual(vector);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    }
    expect(together.usage.prompt_tokens).toBe(3 + 1 + 2 + tokens.length);
  });

  it('end with their client', async () => {
    const controller = new AbortController();
    const input = Array.from({ length: 200 }, () => '吾輩は猫である。'.repeat(200));
    const asked = openai.embeddings.create({ model: 'tiny', input }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 200);
    await expect(asked).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    const start = performance.now();
    await openai.embeddings.create({ model: 'tiny', input: '猫' });
    expect(performance.now() - start).toBeLessThan(30_000);
  });
});

const bearer = { authorization: 'Bearer secret' };
