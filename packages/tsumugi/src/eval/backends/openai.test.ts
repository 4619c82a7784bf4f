// The backend against services written here: one like vLLM, one that only chats, overloaded ones, one that dies.
import { afterEach, describe, expect, it } from 'vitest';
import { backendSuite } from '../backend.testing.ts';
import type { Backend } from '../backend.ts';
import type { Answer, ChoicesAnswer, GenerateAnswer, GenerateRequest, Request, RollingAnswer } from '../request.ts';
import { type Handler, Service } from './openai.testing.ts';
import { openaiBackend } from './openai.ts';
import { completedCharacters } from './openai-echo.ts';

afterEach(async () => {
  await Service.stopAll();
  delete process.env.TSUMUGI_TEST_KEY;
});

/** One token per character, but 犬 and 猫 take three byte tokens, and "ab" is one token. ln p of token i is −(i + 1) / 8. */
function tokenise(text: string): string[] {
  return (
    text.match(/ab|[\s\S]/gu)?.flatMap((piece) => (/[犬猫]/.test(piece) ? ['\ufffd', '\ufffd', '\ufffd'] : [piece])) ??
    []
  );
}

const echo = (text: string, bos: boolean) => {
  const tokens = [...(bos ? ['<s>'] : []), ...tokenise(text)];
  const token_logprobs = tokens.map((_, i) => (i === 0 ? null : -(i + 1) / 8));
  return { choices: [{ index: 0, text, logprobs: { tokens, token_logprobs }, finish_reason: 'length' }] };
};

const vllm =
  (options: { bos?: boolean } = {}): Handler =>
  (path, body) => {
    if (path === '/v1/models') return [200, { data: [{ id: 'plamo-2-8b' }, { id: 'other' }] }];
    if (body.model !== 'plamo-2-8b') return [404, { error: { message: 'The model does not exist.' } }];
    if (path === '/v1/chat/completions')
      return [
        200,
        {
          choices: [{ message: { role: 'assistant', content: JSON.stringify(body.messages) }, finish_reason: 'stop' }],
        },
      ];
    if (path !== '/v1/completions') return [404, { detail: 'Not Found' }];
    if (body.echo) return [200, echo(body.prompt as string, options.bos ?? true)];
    return [
      200,
      {
        choices: [{ index: 0, text: `${body.prompt}→one\ntwo`, finish_reason: 'stop', stop_reason: null }],
        usage: { completion_tokens: 7 },
      },
    ];
  };

const chatOnly: Handler = (path, body) => {
  if (path === '/v1/models') return [200, { data: [{ id: 'prime' }] }];
  if (path !== '/v1/chat/completions') return [404, { error: { message: 'Not found' } }];
  const { content } = (body.messages as { content: string }[]).at(-1)!;
  return [
    200,
    { choices: [{ message: { content: `to ${content}` }, finish_reason: 'length' }], usage: { completion_tokens: 3 } },
  ];
};

const generate = (prompt: GenerateRequest['prompt'], changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  kind: 'generate',
  prompt,
  maxTokens: 16,
  stop: [],
  temperature: 0,
  topP: 1,
  seed: 5,
  ...changes,
});

const into = (answers: Answer[]) => (index: number, answer: Answer) => {
  answers[index] = answer;
};

async function ask(backend: Backend, requests: Request[], signal?: AbortSignal): Promise<Answer[]> {
  const answers: Answer[] = [];
  await backend.answer(requests, into(answers), signal);
  return answers;
}

const open = (service: Service, changes: object = {}) =>
  openaiBackend({ endpoint: service.address, model: 'plamo-2-8b', retryDelaySeconds: 0.001, ...changes });

backendSuite('an endpoint', {
  open: async () => open(await Service.start(vllm())),
  skip: { determinism: 'a service groups requests as it likes' },
});

describe('a service like vLLM', () => {
  it('says what it can be asked, and what distinguishes it', async () => {
    const service = await Service.start(vllm());
    const backend = await open(service);
    expect([...backend.kinds]).toEqual(['generate', 'choices', 'rolling']);
    expect(backend.model).toBe(`plamo-2-8b at ${service.address}/v1`);
    expect(backend.settings).toEqual({ deterministic: false, textPrompts: 'as text', bos: true });
    expect(backend.fingerprint).toBe((await open(service)).fingerprint);
    expect(backend.fingerprint).not.toBe((await open(await Service.start(vllm()))).fingerprint);
    expect(service.asked.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('continues texts and conversations', async () => {
    const service = await Service.start(vllm());
    const backend = await open(service);
    const messages = [{ role: 'user', content: 'hi' } as const];
    const sampling = { temperature: 0.7, topP: 0.9, seed: 3, maxTokens: 8, stop: ['1', '2', '3', '4', '\n', ''] };
    const answers = await ask(backend, [generate('x'), generate(messages), generate('y', sampling)]);
    expect(answers[0]).toEqual({ text: 'x→one\ntwo', finish: 'end', tokens: 7 });
    expect(answers[1]).toEqual({ text: JSON.stringify(messages), finish: 'end' });
    // The service knew nothing of the fifth stop text.
    expect(answers[2]).toEqual({ text: 'y→one', finish: 'stop' });
    const { body } = service.asked.at(-1)!;
    expect(body).toEqual({
      model: 'plamo-2-8b',
      prompt: 'y',
      temperature: 0.7,
      top_p: 0.9,
      seed: 3,
      max_tokens: 8,
      stop: ['1', '2', '3', '4'],
    });
  });

  it('scores choices after their prompt', async () => {
    const backend = await open(await Service.start(vllm()));
    const requests: Request[] = [
      { kind: 'choices', prompt: 'xy', choices: ['z', 'zab'] },
      { kind: 'choices', prompt: '', choices: ['z'] },
    ];
    const [first, second] = (await ask(backend, requests)) as ChoicesAnswer[];
    // <s> x y z ab: the tokens at positions 3 and 4.
    expect(first).toEqual({ logprobs: [-4 / 8, -(4 + 5) / 8], tokens: [1, 2] });
    expect(second).toEqual({ logprobs: [-2 / 8], tokens: [1] });
  });

  it('finds the choice behind characters of several byte tokens, and where it merges with the prompt', async () => {
    const service = await Service.start(vllm());
    const backend = await open(service);
    const requests: Request[] = [
      { kind: 'choices', prompt: '犬x', choices: ['猫', 'y'] },
      { kind: 'choices', prompt: 'xa', choices: ['b', 'c'] },
    ];
    const [bytes, merged] = (await ask(backend, requests)) as ChoicesAnswer[];
    // <s> � � � x | � � �
    expect(bytes).toEqual({ logprobs: [-(6 + 7 + 8) / 8, -6 / 8], tokens: [3, 1] });
    // <s> x ab against <s> x a: ln p("ab") − ln p("a"), here of equal probability.
    expect(merged).toEqual({ logprobs: [0, -4 / 8], tokens: [1, 1] });
    const alone = service.asked.filter(({ body }) => body.prompt === '犬x');
    expect(alone).toHaveLength(1);
  });

  it('measures texts, whole and in bins', async () => {
    const backend = await open(await Service.start(vllm()));
    const requests: Request[] = [
      { kind: 'rolling', text: '犬ab🙂' },
      { kind: 'rolling', text: 'x犬ab🙂', edges: [1, 3, 5] },
    ];
    const [whole, bins] = (await ask(backend, requests)) as RollingAnswer[];
    expect(whole).toEqual({ nats: [(2 + 3 + 4 + 5 + 6) / 8], tokens: [5], characters: [4] });
    // x | � � | � ab | 🙂 is left out; 犬 is complete with its third byte.
    expect(bins).toEqual({ nats: [2 / 8, (3 + 4) / 8, (5 + 6) / 8], tokens: [1, 2, 2], characters: [1, 0, 3] });
  });

  it('cannot measure texts without BOS, but score choices after a prompt', async () => {
    const backend = await open(await Service.start(vllm({ bos: false })));
    expect([...backend.kinds]).toEqual(['generate', 'choices']);
    const [answer] = (await ask(backend, [{ kind: 'choices', prompt: 'xy', choices: ['z'] }])) as ChoicesAnswer[];
    expect(answer).toEqual({ logprobs: [-3 / 8], tokens: [1] });
    await expect(ask(backend, [{ kind: 'choices', prompt: '', choices: ['z'] }])).rejects.toThrow(/no BOS/);
    await expect(ask(backend, [{ kind: 'rolling', text: 'x' }])).rejects.toMatchObject({ code: 'cannot-answer' });
  });

  it('names an unknown model with those that there are', async () => {
    const service = await Service.start(vllm());
    await expect(open(service, { model: 'plamo-2-8c' })).rejects.toMatchObject({
      code: 'unknown-model',
      remedy: 'Did you mean "plamo-2-8b"? /models lists: plamo-2-8b, other.',
    });
    const backend = await open(service, { model: 'nothing', chat: 'chat' });
    await expect(ask(backend, [generate('x')])).rejects.toMatchObject({ remedy: '/models lists: plamo-2-8b, other.' });
  });

  it.each<[string, (text: string) => unknown]>([
    ['with something added to it', (text) => echo(`${text}!`, true).choices[0]],
    ['without log-probabilities', (text) => ({ text, logprobs: null })],
    ['with none of them', (text) => ({ text, logprobs: { tokens: [], token_logprobs: [] } })],
    ['with those of a token after it', (text) => ({ text, logprobs: { tokens: ['x'], token_logprobs: [-1] } })],
  ])('takes an echo %s for no echo', async (_, choice) => {
    const service = await Service.start((path, body, request) =>
      body.echo ? [200, { choices: [choice(body.prompt as string)] }] : vllm()(path, body, request),
    );
    expect([...(await open(service)).kinds]).toEqual(['generate']);
  });
});

describe('a service that only chats', () => {
  it('is sent texts as a user message', async () => {
    const service = await Service.start(chatOnly);
    const backend = await open(service, { model: 'prime' });
    expect([...backend.kinds]).toEqual(['generate']);
    expect(backend.settings.textPrompts).toBe('as a user message');
    expect(await ask(backend, [generate('x')])).toEqual([{ text: 'to x', finish: 'length', tokens: 3 }]);
    expect(service.asked.at(-1)!.body.messages).toEqual([{ role: 'user', content: 'x' }]);
  });

  it('is not asked anything at first when said to be one', async () => {
    const service = await Service.start(chatOnly);
    await open(service, { model: 'prime', chat: 'chat' });
    expect(service.asked).toEqual([]);
  });

  it('may know neither seeds nor max_tokens', async () => {
    const service = await Service.start((path, body, request) => {
      if ('seed' in body) return [422, { detail: [{ loc: ['body', 'seed'], msg: 'Extra inputs are not permitted' }] }];
      if ('max_tokens' in body) return [400, { error: { message: "Unsupported: use 'max_completion_tokens'." } }];
      return chatOnly(path, body, request);
    });
    const backend = await open(service, { model: 'prime', chat: 'chat', concurrency: 1 });
    const answers = await ask(backend, [generate('x'), generate('y')]);
    expect(answers.map((answer) => (answer as GenerateAnswer).text)).toEqual(['to x', 'to y']);
    expect(service.asked).toHaveLength(4);
    expect(service.asked.at(-1)!.body.max_completion_tokens).toBe(16);
  });
});

describe('a service in trouble', () => {
  it('is asked again when it is busy, broken or cut off', async () => {
    let count = 0;
    const service = await Service.start((path, body, request) => {
      count++;
      if (count === 1) return [429, { error: { message: 'slow down' } }, { 'retry-after': '0' }];
      if (count === 2) return [503, '<html>bad</html>'];
      if (count === 3) return 'die';
      if (count === 4) return [500, {}];
      return chatOnly(path, body, request);
    });
    const backend = await open(service, { model: 'prime', chat: 'chat' });
    expect(await ask(backend, [generate('x')])).toEqual([{ text: 'to x', finish: 'length', tokens: 3 }]);
    expect(count).toBe(5);
  });

  it('waits as long as it is told to', async () => {
    let count = 0;
    const service = await Service.start((path, body, request) =>
      count++ === 0 ? [429, {}, { 'retry-after': '0.2' }] : chatOnly(path, body, request),
    );
    const backend = await open(service, { model: 'prime', chat: 'chat' });
    const before = performance.now();
    await ask(backend, [generate('x')]);
    expect(performance.now() - before).toBeGreaterThan(190);
  });

  it('gives up in the end, and at once where waiting does not help', async () => {
    const busy = await Service.start(() => [429, { error: { message: 'slow down' } }]);
    const backend = await open(busy, { model: 'prime', chat: 'chat', retries: 2 });
    await expect(ask(backend, [generate('一つ、二つ')])).rejects.toMatchObject({
      code: 'endpoint-busy',
      message: expect.stringMatching(/request 1 \(generate "一つ、二つ"\).*429 \(tried 3 times\): slow down/),
    });
    expect(busy.asked).toHaveLength(3);
    const broke = await Service.start(() => [429, { error: { message: 'pay', code: 'insufficient_quota' } }]);
    await expect(ask(await open(broke, { chat: 'chat' }), [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-quota',
    });
    const far = await Service.start(() => [429, {}, { 'retry-after': '3600' }]);
    await expect(ask(await open(far, { chat: 'chat' }), [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-busy',
    });
    expect(broke.asked.length + far.asked.length).toBe(2);
  });

  it('keeps what was answered before the service died', async () => {
    let count = 0;
    const service = await Service.start((path, body, request) => (++count > 5 ? 'die' : chatOnly(path, body, request)));
    const backend = await open(service, { model: 'prime', chat: 'chat', concurrency: 2, retries: 1 });
    const answers: Answer[] = [];
    const requests = Array.from({ length: 9 }, (_, i) => generate(`${i}`));
    await expect(backend.answer(requests, into(answers))).rejects.toMatchObject({
      code: 'endpoint-unreachable',
    });
    expect(answers.filter(Boolean).map((answer) => (answer as GenerateAnswer).text)).toEqual([
      'to 0',
      'to 1',
      'to 2',
      'to 3',
      'to 4',
    ]);
    // Two workers, two tries, and one more for each on a connection that had been kept.
    expect(count).toBeLessThan(12);
  });

  it('is named when it cannot be reached, or takes too long', async () => {
    const gone = await Service.start(chatOnly);
    await gone[Symbol.asyncDispose]();
    await expect(open(gone)).rejects.toThrow(/cannot be reached: ECONNREFUSED/);
    const backend = await open(gone, { retries: 1, chat: 'chat' });
    await expect(ask(backend, [generate('x')])).rejects.toThrow(/cannot be reached \(tried 2 times\): ECONNREFUSED/);
    const slow = await Service.start(() => 'hang');
    await expect(open(slow, { retries: 0, timeoutSeconds: 0.05 })).rejects.toMatchObject({
      code: 'endpoint-timeout',
      message: expect.stringContaining('no answer in 0.05 s'),
    });
  });

  it('says why it refuses, and is not asked again', async () => {
    const service = await Service.start((path, body, request) =>
      body.messages ? [400, { message: 'the prompt is too long' }] : chatOnly(path, body, request),
    );
    const backend = await open(service, { model: 'prime', chat: 'chat' });
    await expect(ask(backend, [generate('x')])).rejects.toThrow(/refused it \(400\): the prompt is too long/);
    // The second was the question that every model can be asked.
    expect(service.asked.map(({ body }) => (body.messages as { content: string }[])[0]!.content)).toEqual([
      'x',
      '1+1=',
    ]);
    const page = await Service.start(() => [200, '<html>Welcome</html>']);
    await expect(ask(await open(page, { chat: 'chat' }), [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-answer',
    });
    const moved = await Service.start(() => [307, '', { location: 'http://elsewhere/v1' }]);
    await expect(open(moved)).rejects.toThrow('points to http://elsewhere/v1');
  });
});

describe('an interruption', () => {
  it('sends no more, and keeps what is on its way', async () => {
    const service = await Service.start(chatOnly);
    const backend = await open(service, { model: 'prime', chat: 'chat', concurrency: 2 });
    const controller = new AbortController();
    const answers: Answer[] = [];
    const requests = Array.from({ length: 9 }, (_, i) => generate(`${i}`));
    const keep = into(answers);
    await backend.answer(
      requests,
      (index, answer) => {
        keep(index, answer);
        controller.abort();
      },
      controller.signal,
    );
    expect(service.asked).toHaveLength(2);
    expect(answers).toHaveLength(2);
  });

  it('ends waiting for another try', async () => {
    const service = await Service.start(() => [503, {}, { 'retry-after': '30' }]);
    const backend = await open(service, { chat: 'chat' });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    expect(await ask(backend, [generate('x')], controller.signal)).toEqual([]);
  });
});

describe('the key', () => {
  it('is sent in the header alone', async () => {
    process.env.TSUMUGI_TEST_KEY = 'sk-secret';
    const service = await Service.start(vllm());
    const backend = await open(service, { apiKeyEnv: 'TSUMUGI_TEST_KEY' });
    await ask(backend, [generate('x')]);
    expect(service.asked.every(({ authorization }) => authorization === 'Bearer sk-secret')).toBe(true);
    expect(JSON.stringify([service.asked.map(({ body }) => body), backend])).not.toContain('sk-secret');
  });

  it('is never shown, not even when the service repeats it', async () => {
    process.env.TSUMUGI_TEST_KEY = 'sk-secret';
    const service = await Service.start(() => [401, { error: { message: 'Incorrect API key provided: sk-secret' } }]);
    const error = await open(service, { apiKeyEnv: 'TSUMUGI_TEST_KEY' }).catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: 'endpoint-key',
      remedy: 'Check the key in the environment variable TSUMUGI_TEST_KEY, and that it may use "plamo-2-8b".',
    });
    expect(`${error} ${JSON.stringify(error)}`).not.toContain('sk-secret');
  });

  it('must be there when it is named', async () => {
    await expect(
      openaiBackend({ endpoint: 'http://localhost:1', model: 'm', apiKeyEnv: 'TSUMUGI_TEST_KEY' }),
    ).rejects.toMatchObject({
      code: 'no-key',
      fields: { variable: 'TSUMUGI_TEST_KEY' },
    });
  });
});

it.each([
  ['ftp://x', {}],
  ['nonsense', {}],
  ['https://user:pass@host/v1', {}],
  ['https://host/v1?key=1', {}],
  ['http://host', { timeoutSeconds: 86_401 }],
  ['http://host', { concurrency: 0 }],
  ['http://host', { retries: 1.5 }],
  ['http://host', { model: '' }],
])('refuses %s %j', async (endpoint, changes) => {
  const error = await openaiBackend({ endpoint, model: 'm', ...changes }).catch((error: unknown) => error);
  expect(error).toMatchObject({ name: 'ConfigError' });
  expect(String(error)).not.toContain('pass');
});

describe('characters completed by tokens', () => {
  it.each([
    [['a', 'b'], 'ab', [0, 1, 2]],
    [['\ufffd', '\ufffd', '\ufffd', 'b'], '犬b', [0, 0, 0, 1, 2]],
    [['', '', '犬', 'b'], '犬b', [0, 0, 0, 1, 2]],
    [['<0xE7>', '<0x8A>', '<0xAC>'], '犬', [0, 0, 0, 1]],
    [['\ufffd', 'b'], '\ufffdb', [0, 1, 2]],
    [['<0x41>', 'b'], '<0x41>b', [0, 6, 7]],
  ])('%j of %s', (tokens, text, expected) => {
    expect(completedCharacters(tokens, text)).toEqual(expected);
  });

  it.each([
    [['a'], 'ab'],
    [['a', 'c'], 'ab'],
    [['\ufffd', 'b'], '犬犬b'],
  ])('%j do not spell %s', (tokens, text) => {
    expect(() => completedCharacters(tokens, text)).toThrow('do not spell');
  });
});
