// Scenarios of llama-server's own tests, rewritten from their descriptions, on a live server: keys on and off, pages of other origins,
// errors, stop words, streams, cancelled requests, several answers, log-probabilities, templates, tokens there and back.
import { describe, expect, it } from 'vitest';
import { routes } from '../packages/tsumugi/src/serve/routes.ts';
import { eventsOf, liveServerOfFile } from '../packages/tsumugi/src/serve/serve.testing.ts';

const locked = liveServerOfFile({ keys: ['sk-test', 'sk-second'], cors: ['https://chat.example'] });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const key = bearer('sk-test');
const post = (path: string, body: unknown, headers: Record<string, string> = key) =>
  locked.server.post(path, body, headers);
const prompt = { model: 'tiny', prompt: '吾輩は猫', temperature: 0, max_tokens: 10 };

describe('keys', () => {
  it('open every route, and without one there is only the health', async () => {
    for (const { method, path, open } of routes) {
      const at = path.replace(/\/:.*/, '/x');
      const status = async (headers: Record<string, string>) =>
        (await locked.server.ask(at, { method, headers, ...(method === 'POST' && { body: '{}' }) })).status;
      if (open) expect(await status({}), at).toBe(200);
      else {
        for (const headers of [{}, bearer('sk-tes'), bearer('sk-test '.repeat(3)), { 'x-api-key': 'SK-TEST' }])
          expect(await status(headers as Record<string, string>), at).toBe(401);
        for (const headers of [key, bearer('sk-second'), { 'x-api-key': 'sk-test' }])
          expect(await status(headers as Record<string, string>), at).not.toBe(401);
      }
    }
  });

  it('are refused as an authentication error, in the shape of each API', async () => {
    const openai = await post('/v1/chat/completions', {}, bearer('wrong'));
    expect(openai.body.error).toMatchObject({ type: 'authentication_error', code: 'invalid_api_key' });
    const anthropic = await post('/v1/messages', {}, { 'x-api-key': 'wrong' });
    expect(anthropic.body).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
    expect(locked.server.lines.join('')).not.toMatch(/wrong|sk-test|sk-second/);
  });
});

describe('pages', () => {
  const preflight = (origin: string) =>
    locked.server.ask('/v1/chat/completions', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });

  it('of an allowed origin may ask, without a key for the question whether they may', async () => {
    const { status, headers } = await preflight('https://chat.example');
    expect(status).toBeLessThan(300);
    expect(headers.get('access-control-allow-origin')).toBe('https://chat.example');
    expect(headers.get('access-control-allow-headers')!.toLowerCase()).toContain('authorization');
    const answer = await post('/tokenize', { content: 'a' }, { ...key, origin: 'https://chat.example' });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://chat.example');
  });

  it('of another origin may not', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://chat.example']) {
      const { status, headers } = await preflight(origin);
      expect(status).toBe(403);
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('errors', () => {
  it.each([
    ['/v1/completions', {}, 400, 'model'],
    ['/v1/completions', { model: 'tiny' }, 400, 'prompt'],
    ['/v1/completions', { ...prompt, prompt: 3 }, 400, 'prompt'],
    ['/v1/completions', { ...prompt, prompt: [1e9] }, 400, undefined],
    ['/v1/completions', { ...prompt, n: -1 }, 400, 'n'],
    ['/v1/completions', { ...prompt, model: '../etc/passwd' }, 404, 'model'],
    ['/v1/chat/completions', { model: 'chat' }, 400, 'messages'],
    ['/v1/chat/completions', { model: 'chat', messages: 'hi' }, 400, 'messages'],
    ['/v1/chat/completions', { model: 'chat', messages: [{ role: 'wizard', content: 'a' }] }, 400, 'messages.0.role'],
    ['/v1/chat/completions', { model: 'tiny', messages: [{ role: 'user', content: 'a' }] }, 400, 'messages'],
    ['/v1/responses', { model: 'chat', input: [{ role: 'wizard', content: 'a' }] }, 400, 'input.0.role'],
    ['/v1/embeddings', { model: 'tiny', input: 3 }, 400, 'input'],
    ['/tokenize', {}, 400, 'prompt'],
    ['/detokenize', { tokens: [3.5] }, 400, 'tokens.0'],
    ['/detokenize', { tokens: 'abc' }, 400, 'tokens'],
  ])('%s %j: %i', async (path, body, status, param) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    const { error } = answer.body;
    expect(error).toMatchObject({ message: expect.any(String), type: expect.any(String), code: expect.any(String) });
    if (param !== undefined) expect(error.param).toBe(param);
    expect(error.message).not.toMatch(/\n| {2}at /);
  });

  it('say where it is, to who has the address with a part too many or too few', async () => {
    for (const path of [
      '/chat/completions',
      '/v1/v1/chat/completions',
      '/v1/chat/completions/',
      '//v1//chat/completions',
    ])
      expect((await post(path, {})).body.error.message, path).toMatch(/Did you mean "\/v1\/chat\/completions"/);
    expect((await post('/v1/chat/completion', {})).body.error.message).toMatch(/openapi\.json/);
  });

  it('tell nothing of where files lie', async () => {
    const messages = [
      { role: 'system', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'tool', content: 'c' },
    ];
    const { status, body } = await post('/v1/chat/completions', {
      model: 'chat',
      messages,
      tools: [{ type: 'function', function: { name: 'f' } }],
    });
    expect([status, body.error.code]).toEqual([400, 'chat_template_refused']);
    expect(body.error.message).toContain('the chat template of chat ');
    expect(body.error.message).not.toContain(locked.folders.chat);
  });

  it('name ids of a bias that there are not', async () => {
    const { status, body } = await post('/v1/completions', { ...prompt, logit_bias: { 99999: 1 } });
    expect([status, body.error.param]).toEqual([400, 'logit_bias']);
    expect(body.error.message).toMatch(/logit_bias has the id 99999/);
  });

  it('are told who asks for structure by a name that is not ours: the text would be held to nothing', async () => {
    for (const name of ['guided_json', 'guided_regex', 'guided_choice', 'structured_outputs', 'json_schema']) {
      const { status, body } = await post('/v1/completions', { ...prompt, [name]: {} });
      expect([status, body.error.param], name).toEqual([400, name]);
    }
  });

  it('are of the server where there is nothing, or another method', async () => {
    expect((await post('/v1/nothing', {})).status).toBe(404);
    const { status, headers } = await locked.server.ask('/tokenize', { headers: key });
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    expect((await post('/v1/completions', '{"model":')).body.error.code).toBe('invalid_json');
  });

  it('do not keep the next request from its answer', async () => {
    await post('/v1/completions', { ...prompt, prompt: [1e9] });
    expect((await post('/v1/completions', prompt)).status).toBe(200);
  });
});

describe('texts', () => {
  it('are as long as asked, the same again, and others by other seeds', async () => {
    const text = async (more: object) => (await post('/v1/completions', { ...prompt, ...more })).body;
    const first = await text({});
    expect(first.usage.completion_tokens).toBe(10);
    expect((await text({})).choices[0].text).toBe(first.choices[0].text);
    const [a, b, c] = await Promise.all(
      [7, 7, 8].map(async (seed) => (await text({ temperature: 1, seed, max_tokens: 20 })).choices[0].text),
    );
    expect(b).toBe(a);
    expect(c).not.toBe(a);
  });

  it('take seeds of 64 bits, and draw anew for -1', async () => {
    const text = async (seed: string) => {
      const body = JSON.stringify({ ...prompt, temperature: 1, max_tokens: 20 }).replace('{', `{"seed":${seed},`);
      return (await post('/v1/completions', body)).body.choices[0].text as string;
    };
    const [a, b, c] = [
      await text('9223372036854775807'),
      await text('9223372036854775807'),
      await text('-9223372036854770000'),
    ];
    expect(b).toBe(a);
    expect(c).not.toBe(a);
    expect(await text('-1')).not.toBe(await text('-1'));
  });

  it('go as far as there is room where -1 tokens are asked for', async () => {
    const { body } = await post('/v1/completions', { ...prompt, max_tokens: -1, stop: '鳥', logit_bias: { 270: 5 } });
    expect(body.usage.completion_tokens).not.toBe(16);
    expect((await post('/v1/completions', { ...prompt, max_tokens: -2 })).status).toBe(400);
  });

  it('are the same alone and among others at a time', async () => {
    const asked = Array.from({ length: 12 }, (_, i) => ({
      ...prompt,
      prompt: '猫犬鳥山川海月日火水木金'.slice(i % 5, 3 + i),
      temperature: i % 2,
      seed: i,
      max_tokens: 5 + i,
    }));
    const write = async (body: object) => (await post('/v1/completions', body)).body.choices[0].text;
    const together = await Promise.all(asked.map(write));
    for (const [i, body] of asked.entries()) expect(await write(body), `${i}`).toBe(together[i]);
  });

  it('stream what they say whole, and end before a stop word, also one over several tokens', async () => {
    const whole = (await post('/v1/completions', { ...prompt, max_tokens: 24 })).body.choices[0].text as string;
    const letters = [...whole];
    const stop = letters.slice(3, 6).join('');
    const response = await locked.server.ask('/v1/completions', {
      method: 'POST',
      headers: key,
      body: JSON.stringify({ ...prompt, max_tokens: 24, stop: ['無', stop], stream: true }),
    });
    const events = await eventsOf(response);
    expect(events.pop()).toBe('[DONE]');
    const streamed = events.map(({ choices }) => choices[0]?.text ?? '').join('');
    expect(streamed).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(events.at(-1).choices[0].finish_reason).toBe('stop');
  });

  it('are several, each with its log-probabilities', async () => {
    const { body } = await post('/v1/completions', { ...prompt, n: 3, temperature: 1, seed: 1, logprobs: 2 });
    expect(body.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2]);
    for (const { logprobs } of body.choices) {
      expect(logprobs.token_logprobs.length).toBe(logprobs.tokens.length);
      for (const value of logprobs.token_logprobs) expect(value).toBeLessThanOrEqual(0);
      for (const top of logprobs.top_logprobs) expect(Object.keys(top).length).toBeGreaterThanOrEqual(1);
    }
  });

  it('are bent by a bias', async () => {
    const { body } = await post('/tokenize', { model: 'tiny', content: '鳥' });
    const bird = body.tokens[0];
    const biased = await post('/v1/completions', { ...prompt, logit_bias: { [bird]: 100 }, max_tokens: 4 });
    expect(biased.body.choices[0].text).toBe('鳥鳥鳥鳥');
  });
});

describe('cancelled requests', () => {
  it('give their place to the next', async () => {
    const long = { ...prompt, temperature: 1, ignore_eos: true, max_tokens: 2000 };
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const asked = controllers.map(({ signal }, i) =>
      locked.server
        .ask('/v1/completions', {
          ...{ method: 'POST', headers: key, signal },
          body: JSON.stringify({ ...long, seed: i, stream: i % 2 === 0 }),
        })
        .then((response) => response.text())
        .catch((error: Error) => error.name),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const controller of controllers) controller.abort();
    expect(await Promise.all(asked)).toEqual(Array(6).fill('AbortError'));
    expect((await post('/v1/completions', prompt)).status).toBe(200);
    await expect
      .poll(
        async () =>
          (await (await locked.server.ask('/metrics', { headers: key })).text()).match(
            /^vllm:num_requests_running.*tiny.* (\d+)$/m,
          )?.[1],
        {
          timeout: 20_000,
          interval: 500,
        },
      )
      .toBe('0');
  });
});

describe('chats', () => {
  it('are written by the template of the model', async () => {
    const messages = [
      { role: 'system', content: '短く' },
      { role: 'user', content: '猫は？' },
    ];
    const shown = await post('/tokenize', { model: 'chat', messages });
    const said = await post('/detokenize', { model: 'chat', tokens: shown.body.tokens });
    expect(said.body.content).toBe(
      '<|plamo:bos|><|im_start|>system\n短く<|im_end|>\n<|im_start|>user\n猫は？<|im_end|>\n<|im_start|>assistant\n',
    );
    const chat = { model: 'chat', temperature: 0, max_tokens: 8 };
    const answer = await post('/v1/chat/completions', { ...chat, messages });
    const text = await post('/v1/completions', { ...chat, prompt: shown.body.tokens });
    expect(answer.body.choices[0].message.content).toBe(text.body.choices[0].text);
    expect(answer.body.usage.prompt_tokens).toBe(shown.body.count);
  });
});

it('reads half of a character as U+FFFD, as clients send that cut texts by length', async () => {
  const shown = async (content: string) => {
    const text = JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'x' }] }).replace('"x"', content);
    return (await post('/tokenize', text)).body.tokens;
  };
  expect(await shown('"猫\\ud83d"')).toEqual(await shown('"猫\ufffd"'));
  expect((await post('/tokenize', '{"content":"猫\\ud83d"}')).body.tokens).toEqual(
    (await post('/tokenize', '{"content":"猫\ufffd"}')).body.tokens,
  );
});

describe('tokens', () => {
  it('go there and back, with BOS and without', async () => {
    const text = 'What is the meaning of 吾輩は猫? 👨‍👩‍👧\n';
    const { body } = await post('/tokenize', { content: text });
    expect((await post('/detokenize', { tokens: body.tokens })).body.content).toBe(text);
    const special = await post('/tokenize', { content: text, add_special: true });
    expect(special.body.tokens).toEqual([special.body.tokens[0], ...body.tokens]);
    const pieces = await post('/tokenize', { content: '猫é', with_pieces: true });
    expect(pieces.body.tokens.map(({ piece }: { piece: unknown }) => piece)).toEqual(['猫', [0xc3], [0xa9]]);
  });
});
