// `POST /v1/chat/completions` on a live server: by the model's template, in every shape that clients ask for; and that the next turn of a
// conversation reads only what is new.
import { describe, expect, it } from 'vitest';
import { generateText, loadModel, loadTokenizer } from '../../lm/index.ts';
import { encodePrompt, findTemplate, type Message } from '../../text/index.ts';
import { eventsOf, liveServerOfFile } from '../serve.testing.ts';

const live = liveServerOfFile();
const ask = (body: Record<string, unknown>) =>
  live.server.post('/v1/chat/completions', { model: 'chat', max_tokens: 12, temperature: 0, ...body });
const say = (content: string): Message => ({ role: 'user', content });

/** What the library answers. */
function answered(messages: Message[], options: object = {}) {
  const { chat } = live.folders;
  using model = loadModel(chat);
  const tokenizer = loadTokenizer(chat);
  const template = findTemplate(chat, tokenizer)!;
  const prompt = encodePrompt(template, tokenizer, { messages });
  const pieces = generateText(model, tokenizer, prompt, { maxTokens: 12, stop: template.stop, ...options });
  let text = '';
  let next = pieces.next();
  for (; !next.done; next = pieces.next()) text += next.value;
  return { text, prompt };
}

describe('an answer', () => {
  it('is what the library writes by the template', async () => {
    const { body, headers } = await ask({ messages: [{ role: 'developer', content: '山' }, say('猫は？')] });
    const { text, prompt } = answered([{ role: 'system', content: '山' }, say('猫は？')]);
    expect(body).toMatchObject({ object: 'chat.completion', model: 'chat' });
    expect(body.choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: 'length',
      },
    ]);
    expect(body.usage).toMatchObject({ prompt_tokens: prompt.length, completion_tokens: 12 });
    expect(headers.get('x-tsumugi-cached')).toMatch(new RegExp(`^\\d+/${prompt.length}`));
  });

  it('comes in events that say the same, with each of several answers', async () => {
    const request = { model: 'chat', messages: [say('犬')], max_completion_tokens: 8, seed: 3, n: 2 };
    const { body } = await live.server.post('/v1/chat/completions', request);
    const response = await live.server.ask('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ ...request, stream: true }),
    });
    const events = await eventsOf(response);
    expect(events.pop()).toBe('[DONE]');
    for (const index of [0, 1]) {
      const own = events.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
      expect(own[0].delta).toEqual({ role: 'assistant', content: '' });
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(body.choices[index].message.content);
      expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual([
        body.choices[index].finish_reason,
      ]);
    }
    expect(body.choices[0].message.content).not.toBe(body.choices[1].message.content);
    expect(events.every(({ object, usage }) => object === 'chat.completion.chunk' && usage === undefined)).toBe(true);
  });

  it('takes parts of text, and what OpenAI calls null', async () => {
    const parts = [
      { type: 'text', text: '猫' },
      { type: 'text', text: 'は？' },
    ];
    const { body } = await ask({
      messages: [{ role: 'user', content: parts, name: null }],
      stop: null,
      seed: null,
      tools: null,
    });
    expect(body.choices[0].message.content).toBe(answered([say('猫は？')]).text);
  });

  it('tells the log-probabilities of its tokens', async () => {
    const { body } = await ask({ messages: [say('猫')], logprobs: true, top_logprobs: 3, max_tokens: 4 });
    const { content } = body.choices[0].logprobs;
    expect(content).toHaveLength(4);
    const bytes = Buffer.from(content.flatMap((each: { bytes: number[] }) => each.bytes));
    // An unfinished character at the end is not shown.
    expect(bytes.toString().startsWith(body.choices[0].message.content)).toBe(true);
    for (const { top_logprobs: top, logprob, token } of content) {
      expect(top).toHaveLength(3);
      expect(top[0]).toMatchObject({ logprob, token });
      expect(top[0].logprob).toBeGreaterThanOrEqual(top[1].logprob);
    }
    expect(
      (await ask({ messages: [say('猫')], logprobs: true })).body.choices[0].logprobs.content[0].top_logprobs,
    ).toEqual([]);
  });
});

describe('the next turn', () => {
  it('has the ids that were written in the one before, and reads what is new alone', async () => {
    const first = [say('吾輩は猫である。名前はまだ無い。どこで')];
    const { body } = await ask({ messages: first });
    const text = body.choices[0].message.content;
    const stop = [...text].at(-1)!;
    // Ended by a stop string: what is remembered is what was said.
    const ended = await ask({ messages: first, stop });
    expect(ended.body.choices[0].finish_reason).toBe('stop');
    const turns = [...first, { role: 'assistant', content: ended.body.choices[0].message.content }, say('犬は？')];
    const next = await ask({ messages: turns });
    expect(next.body.usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(
      answered(first).prompt.length - 1,
    );
    // Once more, and with another last question: what came before it is known.
    const branch = await ask({ messages: [...turns.slice(0, 2), say('山は？')] });
    expect(branch.body.usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(
      answered(first).prompt.length - 1,
    );
  });
});

it('has the ids of an answer that was cut off at its length', async () => {
  const first = [say('夏目漱石の小説に出てくる猫には名前がない')];
  const { choices, usage } = (await ask({ messages: first, seed: 3 })).body;
  expect(choices[0].finish_reason).toBe('length');
  const turns = [...first, { role: 'assistant', content: choices[0].message.content }, say('犬は？')];
  const { cached_tokens: cached } = (await ask({ messages: turns })).body.usage.prompt_tokens_details;
  // The last id was written and not read, and half a character at the end is up to three.
  expect(cached).toBeGreaterThanOrEqual(usage.prompt_tokens + 8);
});

describe('a conversation is refused', () => {
  const refused: [what: string, body: Record<string, unknown>, message: RegExp][] = [
    [
      'by a base model',
      { model: 'tiny' },
      /tiny is a base model without a chat template.*→ Send a text to \/v1\/completions/,
    ],
    ['without messages', { messages: [] }, /messages/],
    [
      'of a role that there is not',
      { messages: [{ role: 'robot', content: 'x' }] },
      /"messages.0.role" is "robot", expected "system"/,
    ],
    [
      'with an image',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      /"image_url": models here read text, no images/,
    ],
    ['with a content that is none', { messages: [{ role: 'user', content: 5 }] }, /expected a text or a list of parts/],
    ['with two limits', { max_completion_tokens: 3 }, /mean the same and differ/],
    ['with top_logprobs alone', { top_logprobs: 3 }, /top_logprobs needs logprobs/],
    ['with a choice of no tool', { tool_choice: 'required' }, /there are no tools/],
    [
      'with tools that its template has no place for',
      { tools: [{ type: 'function', function: { name: 'f' } }] },
      /no place for tools/,
    ],
    ['with two formats', { regex: 'a', grammar: 'b' }, /one of response_format, grammar and regex/],
  ];
  it.each(refused)('%s', async (_, body, message) => {
    const answer = await ask({ messages: [say('猫')], ...body });
    expect([answer.status, answer.body.error.message]).toEqual([400, expect.stringMatching(message)]);
  });
});
