// `POST /v1/completions` on a live server: what it writes is what the library writes, in every shape that clients ask for.
import { describe, expect, it } from 'vitest';
import { generateText, loadModel, loadTokenizer, type TokenLogprobs, tokenLogprobs } from '../../lm/index.ts';
import { eventsOf, liveServerOfFile } from '../serve.testing.ts';

const live = liveServerOfFile();
const ask = (body: Record<string, unknown>) =>
  live.server.post('/v1/completions', { model: 'tiny', max_tokens: 12, temperature: 0, ...body });

/** What the library writes. */
function written(prompt: string, options: object = {}) {
  using model = loadModel(live.folders.tiny);
  const tokenizer = loadTokenizer(live.folders.tiny);
  const ids: number[] = [];
  const pieces = generateText(model, tokenizer, prompt, { maxTokens: 12, onId: (id) => ids.push(id), ...options });
  let text = '';
  let next = pieces.next();
  for (; !next.done; next = pieces.next()) text += next.value;
  return { text, ids, tokenizer };
}

describe('a completion', () => {
  it('is what the library writes', async () => {
    const { status, body, headers } = await ask({ prompt: '吾輩は猫' });
    const { text, ids } = written('吾輩は猫');
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: 'text_completion', model: 'tiny' });
    expect(body.choices).toEqual([{ index: 0, text, logprobs: null, finish_reason: 'length' }]);
    expect(body.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: ids.length, total_tokens: 5 + ids.length });
    expect(body.usage.prompt_tokens_details.cached_tokens).toBeTypeOf('number');
    expect(headers.get('x-tsumugi-cached')).toMatch(/^\d+\/5/);
    expect(headers.get('x-request-id')).toMatch(/^req-/);
  });

  it('is drawn by seed, as OpenAI has it: at temperature 1 unless told otherwise', async () => {
    const seeded = await ask({ prompt: '山', temperature: undefined, seed: 7 });
    expect(seeded.body.choices[0].text).toBe(written('山', { temperature: 1, seed: 7 }).text);
    const [a, b] = [await ask({ prompt: '山', temperature: 1 }), await ask({ prompt: '山', temperature: 1 })];
    expect(a.body.choices[0].text).not.toBe(b.body.choices[0].text);
  });

  it('comes in events that say the same', async () => {
    const response = await live.server.ask('/v1/completions', {
      method: 'POST',
      body: JSON.stringify({
        model: 'tiny',
        prompt: '吾輩は猫',
        max_tokens: 12,
        temperature: 0,
        stream: true,
        stream_options: { include_usage: true },
      }),
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = await eventsOf(response);
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -2);
    expect(chunks.map(({ choices }) => choices[0].text).join('')).toBe(written('吾輩は猫').text);
    expect(chunks.map(({ choices }) => choices[0].finish_reason).filter(Boolean)).toEqual(['length']);
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 12 } });
    expect(new Set(events.slice(0, -1).map(({ id }) => id)).size).toBe(1);
  });

  it('goes on from ids, and from several prompts with several answers each', async () => {
    const { tokenizer, text } = written('吾輩は猫');
    const ids = tokenizer.encode('吾輩は猫', { addBos: true });
    expect((await ask({ prompt: ids })).body.choices[0].text).toBe(text);
    const { body } = await ask({ prompt: ['吾輩は猫', '山'], n: 2 });
    expect(body.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3]);
    expect(body.choices.map((each: { text: string }) => each.text)).toEqual([
      text,
      text,
      written('山').text,
      written('山').text,
    ]);
    expect(body.usage).toMatchObject({ prompt_tokens: 5 + 2, completion_tokens: 48 });
    expect((await ask({ prompt: [ids, ids] })).body.choices[1].text).toBe(text);
  });

  it('ends at a stop string, which is no part of it, and at ids that are asked for', async () => {
    const { text, ids, tokenizer } = written('吾輩は猫');
    const stop = [...text][4]!;
    const { body } = await ask({ prompt: '吾輩は猫', stop, logprobs: 0 });
    expect(body.choices[0]).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' });
    expect(body.choices[0].logprobs.tokens.join('')).toBe(body.choices[0].text);
    const byId = await ask({ prompt: '吾輩は猫', stop_token_ids: [ids[3]] });
    expect(byId.body.choices[0]).toMatchObject({
      text: tokenizer.decode(ids.slice(0, ids.indexOf(ids[3]!))),
      finish_reason: 'stop',
    });
  });

  it('tells the log-probabilities of its tokens', async () => {
    const { body } = await ask({ prompt: '吾輩は猫', logprobs: 2, max_tokens: 5 });
    const told: TokenLogprobs[] = [];
    const { ids, tokenizer } = written('吾輩は猫', {
      maxTokens: 5,
      logprobs: 2,
      onId: (_: number, logprobs: TokenLogprobs) => told.push(logprobs),
    });
    expect(ids).toEqual([]); // taken down by the other callback
    const { logprobs } = body.choices[0];
    const text = (id: number) => {
      const byte = tokenizer.vocabulary.bytes[id]!;
      if (byte < 0) return tokenizer.piece(id)!.text;
      return byte < 0x80 ? String.fromCharCode(byte) : `bytes:\\x${byte.toString(16)}`;
    };
    expect(logprobs.token_logprobs).toEqual(told.map(({ logprob }) => logprob));
    expect(logprobs.top_logprobs).toEqual(
      told.map(({ top }) => Object.fromEntries(top.map(({ id, logprob }) => [text(id), logprob]))),
    );
    expect(logprobs.tokens).toEqual(told.map(({ top }) => text(top[0]!.id)));
    expect(logprobs.text_offset[0]).toBe(0);
  });

  it('begins with its prompt where that is asked', async () => {
    expect((await ask({ prompt: '猫', echo: true })).body.choices[0].text).toBe(`猫${written('猫').text}`);
    expect((await ask({ prompt: '猫', echo: true, max_tokens: 0 })).body.choices[0]).toMatchObject({
      text: '猫',
      finish_reason: 'length',
    });
  });

  it('is moved by a bias, penalties and filters', async () => {
    const id = written('山').tokenizer.encode('犬')[0]!;
    expect((await ask({ prompt: '山', logit_bias: { [id]: 100 } })).body.choices[0].text).toBe('犬'.repeat(12));
    const penalised = await ask({ prompt: '山', logit_bias: { [id]: 5 }, frequency_penalty: 2, presence_penalty: 2 });
    expect(new Set(penalised.body.choices[0].text).size).toBeGreaterThan(1);
    expect((await ask({ prompt: '山', temperature: 50, top_k: 1 })).body.choices[0].text).toBe(written('山').text);
    expect((await ask({ prompt: '山', temperature: 50, min_p: 1, top_k: -1 })).body.choices[0].text).toBe(
      written('山').text,
    );
  });
});

describe('echo with logprobs', () => {
  it('tells how likely each token of the prompt is, and of what is written behind it', async () => {
    const prompt = '猫の𠮷は';
    const { tokenizer } = written('猫');
    const ids = tokenizer.encode(prompt, { addBos: true });
    using model = loadModel(live.folders.tiny);
    const scored = tokenLogprobs(model, ids);
    const plain = (await ask({ prompt, logprobs: 2, max_tokens: 3 })).body;
    const { choices, usage } = (await ask({ prompt, echo: true, logprobs: 2, max_tokens: 3 })).body;
    const { text, logprobs } = choices[0];
    expect(text).toBe(prompt + plain.choices[0].text);
    expect(usage).toMatchObject({ prompt_tokens: ids.length, completion_tokens: 3 });
    expect(logprobs.token_logprobs[0]).toBeNull();
    expect(logprobs.top_logprobs[0]).toBeNull();
    for (const [i, value] of [...scored].entries())
      expect(Math.abs(logprobs.token_logprobs[i + 1] - value)).toBeLessThan(1e-5);
    expect(logprobs.token_logprobs.slice(ids.length)).toEqual(plain.choices[0].logprobs.token_logprobs);
    // BOS is a token, but no part of the text; a character in bytes has its place once.
    expect(logprobs.tokens.slice(0, 4)).toEqual(['<|plamo:bos|>', '猫', 'の', 'bytes:\\xf0']);
    expect(logprobs.text_offset.slice(0, 4)).toEqual([0, 0, 1, 2]);
    for (const [i, top] of logprobs.top_logprobs.slice(1, ids.length).entries())
      expect(top[logprobs.tokens[i + 1]], `${i}`).toBe(logprobs.token_logprobs[i + 1]);
  });

  it('is what lm-evaluation-harness reads: of lists of ids, with one token that is dropped, and which are the likeliest', async () => {
    const { tokenizer } = written('猫');
    const context = tokenizer.encode('吾輩は', { addBos: true });
    const { text, ids } = written('吾輩は', { maxTokens: 2 });
    const greedy = [...context, ...ids];
    const other = [...context, ...tokenizer.encode('山川')];
    expect(text).not.toBe('山川');
    const { body } = await ask({ prompt: [greedy, other], echo: true, logprobs: 1, max_tokens: 1, seed: 1234 });
    using model = loadModel(live.folders.tiny);
    for (const [k, whole] of [greedy, other].entries()) {
      const { token_logprobs, top_logprobs } = body.choices[k].logprobs;
      expect(token_logprobs).toHaveLength(whole.length + 1);
      const own = token_logprobs.slice(context.length, -1) as number[];
      const sum = [...tokenLogprobs(model, whole)].slice(context.length - 1).reduce((a, b) => a + b, 0);
      expect(Math.abs(own.reduce((a, b) => a + b, 0) - sum)).toBeLessThan(2e-5);
      const best = top_logprobs
        .slice(context.length, -1)
        .map((top: Record<string, number>) => Math.max(...Object.values(top)));
      expect(own.every((value, i) => value === best[i])).toBe(k === 0);
    }
  });

  it('reads the prompt alone where nothing is to be written, whole and in a stream', async () => {
    const asked = { prompt: ['吾輩は', '猫'], echo: true, logprobs: 0, max_tokens: 0, n: 2 };
    const { body } = await ask(asked);
    expect(
      body.choices.map(({ index, text, finish_reason }: Record<string, unknown>) => [index, text, finish_reason]),
    ).toEqual([
      [0, '吾輩は', 'length'],
      [1, '吾輩は', 'length'],
      [2, '猫', 'length'],
      [3, '猫', 'length'],
    ]);
    expect(body.usage).toMatchObject({ prompt_tokens: 4 + 2, completion_tokens: 0 });
    const init = { method: 'POST', body: JSON.stringify({ model: 'tiny', ...asked, stream: true }) };
    const events = await eventsOf(await live.server.ask('/v1/completions', init));
    expect(events.pop()).toBe('[DONE]');
    for (const { index, text, logprobs } of body.choices) {
      const own = events.map(({ choices }) => choices[0]).filter((each) => each.index === index);
      expect(own.map((each) => each.text).join('')).toBe(text);
      expect(own[0].logprobs).toEqual(logprobs);
    }
  });
});

describe('best_of', () => {
  it('sends the likeliest of those that are written, by the mean of their tokens, and counts all', async () => {
    const body = { prompt: '山', temperature: 1, seed: 7, max_tokens: 6 };
    const all = (await ask({ ...body, n: 5, logprobs: 0 })).body.choices as {
      text: string;
      logprobs: { token_logprobs: number[] };
    }[];
    const mean = ({ logprobs }: (typeof all)[number]) =>
      logprobs.token_logprobs.reduce((a, b) => a + b, 0) / logprobs.token_logprobs.length;
    const best = all.toSorted((a, b) => mean(b) - mean(a)).map(({ text }) => text);
    const chosen = (await ask({ ...body, n: 2, best_of: 5 })).body;
    expect(chosen.choices.map((each: { text: string }) => each.text)).toEqual(best.slice(0, 2));
    expect(chosen.choices.map(({ index, logprobs }: Record<string, unknown>) => [index, logprobs])).toEqual([
      [0, null],
      [1, null],
    ]);
    expect(chosen.usage.completion_tokens).toBe(30);
  });
});

describe('a completion is refused', () => {
  const refused: [what: string, body: Record<string, unknown>, status: number, message: RegExp][] = [
    ['without a model', { model: undefined }, 400, /"model" is missing/],
    ['of a model that there is not', { model: 'tinny' }, 404, /no model "tinny" here → Did you mean "tiny"/],
    ['without a prompt', { prompt: undefined }, 400, /prompt.*expected a text, token ids/],
    ['of nothing', { prompt: [] }, 400, /prompt/],
    ['of ids that there are not', { prompt: [1, 99999] }, 400, /99999/],
    ['that is too long', { prompt: Array.from({ length: 40_000 }, () => 7) }, 400, /40000 tokens.*32768/],
    ['with too many tokens', { max_tokens: 100_000 }, 400, /max_tokens is 100000.*4096/],
    ['with too many answers', { n: 17 }, 400, /n is 17/],
    [
      'with a field that is a slip',
      { max_tokens: undefined, max_token: 5 },
      400,
      /no field "max_token" → Did you mean "max_tokens"/,
    ],
    ['with a number out of range', { temperature: -1 }, 400, /"temperature" is -1, expected a number of at least 0/],
    ['with fewer to choose from than asked for', { n: 3, best_of: 2 }, 400, /best_of is 2: no 3 answers/],
    [
      'with a choice of those that are sent as they are written',
      { best_of: 3, stream: true },
      400,
      /best_of has no effect on a stream/,
    ],
    ['with more to choose from than are written', { best_of: 17 }, 400, /best_of = 17 ask for 17 answers/],
    [
      'whose prompt is too long to be scored',
      { echo: true, logprobs: 0, max_tokens: 0, prompt: Array(40_000).fill(7) },
      400,
      /40000 tokens.*32768/,
    ],
    [
      'whose prompt has ids that there are not, and is to be scored',
      { echo: true, logprobs: 0, prompt: [1, 99999] },
      400,
      /id 99999/,
    ],
    ['with a suffix', { suffix: 'x' }, 400, /suffix is not supported/],
    ['with too many log-probabilities', { logprobs: 21 }, 400, /logprobs is 21/],
    ['with too many stops', { stop: Array.from({ length: 17 }, (_, i) => `${i}`) }, 400, /stop has 17/],
    ['with a bias of no id', { logit_bias: { cat: 1 } }, 400, /logit_bias/],
  ];
  it.each(refused)('%s', async (_, body, status, message) => {
    const answer = await ask({ prompt: '猫', ...body });
    expect([answer.status, answer.body.error.message]).toEqual([status, expect.stringMatching(message)]);
    expect(Object.keys(answer.body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
  });
});

it('lets fields through that mean nothing here, and names them', async () => {
  const { status, headers } = await ask({ prompt: '猫', service_tier: 'auto', dry_multiplier: 1, user: 'u' });
  expect([status, headers.get('x-tsumugi-ignored')]).toEqual([200, 'service_tier, dry_multiplier']);
});
