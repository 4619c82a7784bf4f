// Endpoints as they are in the world: what services say instead of an answer, in their own words, and what becomes of it.
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../backend.ts';
import type { Answer, ChoicesAnswer, GenerateAnswer, GenerateRequest, Request } from '../request.ts';
import { openaiBackend } from './openai.ts';
import { type Body, type Handler, type Reply, Service } from './openai-testing.ts';

afterEach(() => Service.stopAll());

const generate = (prompt: string, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  ...{ kind: 'generate', prompt, maxTokens: 16, stop: [], temperature: 0, topP: 1, seed: 5 },
  ...changes,
});

const open = (service: Service, changes: object = {}) =>
  openaiBackend({
    endpoint: service.address,
    model: 'm',
    chat: 'chat',
    retries: 2,
    retryDelaySeconds: 0.001,
    ...changes,
  });

async function ask(backend: Backend, requests: Request[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  await backend.answer(requests, (index, answer) => {
    answers[index] = answer;
  });
  return answers;
}

const message = (content: unknown, more: object = {}, choice: object = {}) => ({
  choices: [{ index: 0, message: { role: 'assistant', content, ...more }, finish_reason: 'stop', ...choice }],
});
const good = message('よい');
const promptOf = (body: Body) => (body.messages as { content: string }[]).at(-1)!.content;

/** Answers first with `bad`, then well. */
const first = (...bad: Reply[]): Handler => {
  let count = 0;
  return (path) => (path.endsWith('/models') ? [404, {}] : (bad[count++] ?? [200, good]));
};

describe('what passes is met with another try', () => {
  it.each<[string, Reply]>([
    ['a code in a 200', [200, { error: { code: 429, message: 'slow down' } }]],
    ['a code as a text', [200, { error: { code: '503', message: 'down' } }]],
    ['a word for a code', [200, { error: { code: 'rate_limit_exceeded', message: 'slow down' } }]],
    ['a type for a code', [200, { error: { type: 'overloaded_error', message: 'Overloaded' } }]],
    ['a sentence for an error', [200, { error: 'The engine is currently overloaded, try again later' }]],
    ['an error that says nothing', [200, { error: { message: 'Provider returned error' } }]],
    ['the status of Google', [200, [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'quota' } }]]],
    ['the error of a choice', [200, message('half', {}, { error: { code: 502, message: 'upstream' } })]],
    ['an answer that ended in an error', [200, message('half', {}, { finish_reason: 'error' })]],
    ['an answer that was aborted', [200, message('half', {}, { finish_reason: 'abort' })]],
    ['an object called error', [200, { object: 'error', message: 'worker is not available', code: 50_002 }]],
    ['no choices', [200, { choices: [] }]],
    ['null for choices', [200, { choices: null }]],
    ['null for the message', [200, { choices: [{ message: null, finish_reason: 'stop' }] }]],
    ['an empty body', [200, '']],
    ['JSON that is cut off', [200, JSON.stringify(good).slice(0, 40)]],
    ['a stream that is cut off', [200, 'data: {"choices":[{"delta":{"content":"よ"}}]}\n\n']],
    ['an error in a stream', [200, 'data: {"error":{"code":503,"message":"down"}}\n\n']],
    ['the page of a proxy', [502, '<html><head><title>502 Bad Gateway</title></head></html>']],
    ['a broken connection', 'die'],
  ])('%s', async (_, bad) => {
    const service = await Service.start(first(bad));
    const [answer] = await ask(await open(service), [generate('x')]);
    expect(answer).toEqual({ text: 'よい', finish: 'end' });
    expect(service.asked).toHaveLength(2);
  });

  it('a page in the middle of a run, but not at the first look', async () => {
    const service = await Service.start(first([200, good], [200, '<html>maintenance</html>']));
    const backend = await open(service, { concurrency: 1 });
    expect(await ask(backend, [generate('x'), generate('y')])).toHaveLength(2);
    const page = await Service.start(() => [200, '<!doctype html><title>Open WebUI</title>']);
    await expect(ask(await open(page), [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-answer',
      message: expect.stringMatching(/answered with a web page: a web page, "Open WebUI"\n.*--endpoint/s),
    });
    expect(page.asked).toHaveLength(1);
  });

  it.each<[string, Reply, number]>([
    ['Retry-After', [429, {}, { 'retry-after': '0.15' }], 150],
    ['Retry-After beside an error in a 200', [200, { error: { code: 429 } }, { 'retry-after': '0.15' }], 150],
    ['retry-after-ms', [429, {}, { 'retry-after-ms': '150' }], 150],
    ['its words', [429, { error: { message: 'Rate limit reached. Please try again in 150ms.' } }], 150],
  ])('after as long as %s says', async (_, bad, least) => {
    const service = await Service.start(first(bad));
    const before = performance.now();
    await ask(await open(service), [generate('x')]);
    expect(performance.now() - before).toBeGreaterThan(least - 5);
  });

  it('after waits that double', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const times: number[] = [];
    const service = await Service.start(() => {
      times.push(performance.now());
      return [503, {}];
    });
    await expect(ask(await open(service, { retryDelaySeconds: 0.05, retries: 3 }), [generate('x')])).rejects.toThrow();
    const waits = times.slice(1).map((time, i) => time - times[i]!);
    for (const [i, least] of [50, 100, 200].entries()) expect(waits[i]).toBeGreaterThan(least - 5);
    expect(waits[0]).toBeLessThan(100);
    vi.restoreAllMocks();
  });

  it('in the end it is an error', async () => {
    const service = await Service.start(() => [200, { error: { code: 429, message: 'slow down' } }]);
    await expect(ask(await open(service), [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-busy',
      message: expect.stringContaining('answered with 429 (tried 3 times): slow down'),
    });
    expect(service.asked).toHaveLength(3);
  });
});

describe('what does not pass ends at once, with a sentence', () => {
  it.each<[string, Reply, string, RegExp]>([
    ['401', [401, { error: 'no' }], 'endpoint-key', /refused the key \(401\): no\n.*--api-key-env/s],
    ['401 in a 200', [200, { error: { code: 401, message: 'no' } }], 'endpoint-key', /refused the key \(401\)/],
    ['a word for 401', [200, { error: { code: 'invalid_api_key' } }], 'endpoint-key', /\(401\): invalid_api_key/],
    ['403', [403, {}], 'endpoint-key', /refused the key \(403\)/],
    ['no credit', [402, { error: { message: 'Insufficient credits' } }], 'endpoint-quota', /no quota left \(402\)/],
    ['no quota', [429, { error: { code: 'insufficient_quota' } }], 'endpoint-quota', /no quota left/],
    [
      'no such path',
      [404, { detail: 'Not Found' }],
      'endpoint-answer',
      /\(404\): Not Found\n.*completions should be there/s,
    ],
    ['404 in a 200', [200, { error: { code: 404, message: 'gone' } }], 'endpoint-answer', /\(404\): gone/],
    ['something else', [200, { hello: 1 }], 'endpoint-answer', /answered with something else: \{"hello":1\}/],
    ['a number', [200, '5'], 'endpoint-answer', /answered with no JSON object: 5/],
    ['another method', [405, { detail: 'Method Not Allowed' }], 'endpoint-answer', /\(405\): Method Not Allowed/],
  ])('%s', async (_, bad, code, text) => {
    const service = await Service.start(() => bad);
    const error = await ask(await open(service), [generate('x')]).catch((error: unknown) => error);
    expect(error).toMatchObject({ code, message: expect.stringMatching(text) });
    expect(service.asked.filter(({ path }) => path.endsWith('/completions'))).toHaveLength(1);
  });

  it.each([
    ['org/Plamo-2-8b', 404, 'The model `org/Plamo-2-8b` does not exist.'],
    ['PLAMO-2-8B', 404, 'not found'],
    ['/models/plamo-2-8b/', 400, 'Invalid model name passed in model=/models/plamo-2-8b/'],
    ['plamo-2-8b:latest', 404, 'model "plamo-2-8b:latest" not found, try pulling it first'],
    ['plamo-2-8B.gguf', 422, 'plamo-2-8B.gguf is not a valid model ID'],
  ])('the spelling %s of a model’s name', async (model, status, said) => {
    const service = await Service.start((path) =>
      path === '/v1/models'
        ? [200, { data: [{ id: 'pfnet/plamo-2-8b' }, { id: 'other' }, 7, { id: 3 }] }]
        : [status, { error: { message: said } }],
    );
    await expect(ask(await open(service, { model }), [generate('x')])).rejects.toMatchObject({
      code: 'unknown-model',
      remedy: 'Did you mean "pfnet/plamo-2-8b"? /models lists: pfnet/plamo-2-8b, other.',
    });
  });

  it('but a path that is not there says nothing of a model that is listed by another name', async () => {
    const service = await Service.start((path) => {
      if (path === '/v1/models') return [200, { data: [{ id: 'listed' }] }];
      return path === '/v1/chat/completions' ? [200, good] : [404, { detail: 'Not Found' }];
    });
    const backend = await open(service, { model: 'alias', chat: undefined });
    expect(await ask(backend, [generate('x')])).toEqual([{ text: 'よい', finish: 'end' }]);
  });
});

describe('one prompt that is refused', () => {
  const except =
    (bad: Reply): Handler =>
    (_path, body) =>
      promptOf(body) === 'bad' ? bad : [200, good];

  it.each<[string, Reply, Partial<GenerateAnswer>]>([
    [
      'is too long',
      [400, { error: { code: 'context_length_exceeded', message: 'too long' } }],
      { finish: 'refused', reason: 'too long' },
    ],
    ['is too large', [413, 'Payload Too Large'], { finish: 'refused' }],
    ['is refused in a 200', [200, { error: { code: 400, message: 'no' } }], { finish: 'refused', reason: 'no' }],
    ['gets no choice ever', [200, { choices: [] }], { finish: 'refused', reason: 'no choice' }],
    [
      'is filtered',
      [400, { error: { code: 'content_filter', message: 'policy' } }],
      { finish: 'filter', reason: 'policy' },
    ],
    ['is flagged', [403, { error: { code: 403, message: 'Your input was flagged' } }], { finish: 'filter' }],
    ['is filtered in a 200', [200, { error: { code: 'content_policy_violation' } }], { finish: 'filter' }],
    [
      'is filtered as Azure says it',
      [200, { choices: [], prompt_filter_results: [{ content_filter_results: { hate: { filtered: true } } }] }],
      { finish: 'filter' },
    ],
    [
      'is blocked as Gemini says it',
      [200, { choices: [], promptFeedback: { blockReason: 'SAFETY' } }],
      { finish: 'filter' },
    ],
    [
      'ends in a filter',
      [200, message('途中', {}, { finish_reason: 'content_filter' })],
      { finish: 'filter', text: '途中' },
    ],
    [
      'is refused by the model',
      [200, message(null, { refusal: 'できません' })],
      { finish: 'refused', reason: 'できません' },
    ],
    ['is refused in a part', [200, message([{ type: 'refusal', refusal: 'できません' }])], { finish: 'refused' }],
  ])('%s', async (_, bad, expected) => {
    const service = await Service.start(except(bad));
    const backend = await open(service, { concurrency: 1 });
    const answers = await ask(backend, [generate('bad'), generate('x')]);
    expect(answers).toMatchObject([
      { text: '', ...expected },
      { text: 'よい', finish: 'end' },
    ]);
  });

  it('is an error where everything is refused', async () => {
    const service = await Service.start(() => [400, { error: { message: 'not today' } }]);
    await expect(ask(await open(service), [generate('x'), generate('y')])).rejects.toMatchObject({
      code: 'endpoint-refused',
      message: expect.stringContaining('refused it (400): not today'),
    });
  });
});

describe('a parameter that is not taken', () => {
  type Case = [
    name: string,
    refuses: (body: Body) => Reply | undefined,
    leftOut: string[],
    changes?: Partial<GenerateRequest>,
  ];
  const bad = (error: object | string, status = 400): Reply => [
    status,
    typeof error === 'string' ? { error: { message: error } } : error,
  ];
  const has = (name: string, answer: Reply) => (body: Body) => (name in body ? answer : undefined);
  const unsupported = (param: string, text: string) =>
    bad({ error: { message: text, type: 'invalid_request_error', param, code: 'unsupported_value' } });
  const cases: Case[] = [
    [
      'a value of it, as OpenAI says it',
      has(
        'temperature',
        unsupported(
          'temperature',
          "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
        ),
      ),
      ['temperature'],
    ],
    ['by its field alone', has('top_p', unsupported('top_p', 'Unsupported parameter')), ['top_p']],
    [
      'a stop',
      has('stop', unsupported('stop', "Unsupported parameter: 'stop' is not supported with this model.")),
      ['stop'],
    ],
    ['as xAI says it', has('stop', bad('Argument not supported on this model: stop')), ['stop']],
    ['as Groq says it', has('seed', bad("property 'seed' is unsupported")), ['seed']],
    ['as Azure says it', has('seed', bad('Unrecognized request arguments supplied: seed, stop')), ['seed', 'stop']],
    [
      'as Gemini says it',
      has('seed', bad('Invalid JSON payload received. Unknown name "seed": Cannot find field.')),
      ['seed'],
    ],
    ['in back ticks', has('stop', bad('This model does not support the `stop` parameter')), ['stop']],
    [
      'as Anthropic says it',
      has('stop', bad('stop_sequences: each stop sequence must contain non-whitespace')),
      ['stop'],
    ],
    [
      'as Moonshot says it',
      has('temperature', bad('invalid temperature: only 1 is allowed for this model')),
      ['temperature'],
    ],
    [
      'as TGI says it',
      has('temperature', bad('Input validation error: `temperature` must be strictly positive', 422)),
      ['temperature'],
    ],
    [
      'as a word in a 200',
      has('temperature', [200, { error: { code: 400, message: 'temperature is not supported' } }]),
      ['temperature'],
    ],
    [
      'as a validator says it, with the request in its words',
      has('seed', [
        422,
        {
          detail: [
            {
              type: 'extra_forbidden',
              loc: ['body', 'seed'],
              msg: 'Extra inputs are not permitted',
              input: { stop: 1, temperature: 0 },
            },
          ],
        },
      ]),
      ['seed'],
    ],
    [
      'not both: the one that says nothing',
      (body) =>
        'top_p' in body && 'temperature' in body
          ? bad('`temperature` and `top_p` cannot both be specified for this model. Please use only one.')
          : undefined,
      ['top_p'],
    ],
    [
      'not both: the temperature, where that is 1',
      (body) =>
        'top_p' in body && 'temperature' in body ? bad('temperature and top_p are mutually exclusive') : undefined,
      ['temperature'],
      { temperature: 1, topP: 0.9 },
    ],
    [
      'one after the other',
      (body) =>
        has('temperature', bad("'temperature' is not supported"))(body) ??
        has('seed', bad('unknown field: seed'))(body),
      ['seed', 'temperature'],
    ],
  ];

  it.each(cases)('%s', async (_name, refuses, leftOut, changes = {}) => {
    const service = await Service.start((_path, body) => refuses(body) ?? [200, message('あ。い\n\nう')]);
    const backend = await open(service, { concurrency: 1 });
    const request = generate('x', { stop: ['\n\n'], ...changes });
    const answers = (await ask(backend, [request, { ...request, prompt: 'y' }])) as GenerateAnswer[];
    // Stop texts hold whoever enforces them.
    for (const answer of answers) {
      expect(answer).toMatchObject({ text: 'あ。い', finish: 'stop' });
      expect([...answer.leftOut!].sort()).toEqual(leftOut);
    }
    // The second is asked without trying again.
    const last = service.asked.at(-1)!.body;
    expect(service.asked.filter(({ body }) => promptOf(body) === 'y')).toHaveLength(1);
    const sent = ['temperature', 'top_p', 'stop', 'seed'].filter((name) => name in last);
    expect([...sent, ...leftOut].sort()).toEqual(['seed', 'stop', 'temperature', 'top_p']);
  });

  it.each([
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "'max_tokens' is unsupported",
  ])('max_tokens, which has a newer name: %s', async (said) => {
    const service = await Service.start((_path, body) => ('max_tokens' in body ? bad(said) : [200, good]));
    expect(await ask(await open(service), [generate('x')])).toEqual([{ text: 'よい', finish: 'end' }]);
    expect(service.asked.at(-1)!.body).toMatchObject({ max_completion_tokens: 16, temperature: 0, seed: 5 });
  });

  it('is not what a prompt too long is about', async () => {
    const said =
      "'max_tokens' or 'max_completion_tokens' is too large: 16. This model's maximum context length is 4096 tokens and your request has 5000 input tokens.";
    const service = await Service.start((_path, body) => (promptOf(body) === 'bad' ? bad(said) : [200, good]));
    const answers = await ask(await open(service, { concurrency: 1 }), [generate('x'), generate('bad')]);
    expect(answers[1]).toMatchObject({ finish: 'refused', reason: said });
    expect(service.asked).toHaveLength(2);
  });

  it('does not turn a service that continues texts into one that only chats', async () => {
    const service = await Service.start((path, body) => {
      if (path !== '/v1/completions' || body.echo) return [404, { detail: 'Not Found' }];
      return 'temperature' in body ? bad("'temperature' is not supported") : [200, { choices: [{ text: 'よい' }] }];
    });
    const backend = await open(service, { chat: undefined });
    expect(backend.chat).toBe(false);
    expect(await ask(backend, [generate('x')])).toMatchObject([{ text: 'よい', leftOut: ['temperature'] }]);
  });
});

describe('the shapes of an answer', () => {
  const stream = (...chunks: unknown[]) =>
    `: keep-alive\n\n${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;

  it.each<[string, unknown, Partial<GenerateAnswer> & { text: string }]>([
    ['an error that is none beside it', { error: null, ...good }, { text: 'よい', finish: 'end' }],
    ['an error of nulls beside it', { error: { code: null, message: null }, ...good }, { text: 'よい' }],
    ['blank lines before it', `\n\n \n${JSON.stringify(good)}`, { text: 'よい' }],
    [
      'parts',
      message([
        { type: 'text', text: 'よ' },
        { type: 'output_text', text: 'い' },
      ]),
      { text: 'よい' },
    ],
    ['a part alone', message({ type: 'text', text: 'よい' }), { text: 'よい' }],
    ['texts for parts', message(['よ', 'い']), { text: 'よい' }],
    ['null', message(null), { text: '', finish: 'end' }],
    [
      'null with calls of tools',
      message(null, { tool_calls: [{ id: 1 }] }, { finish_reason: 'tool_calls' }),
      { text: '', finish: 'end' },
    ],
    [
      'null with reasoning alone',
      message(null, { reasoning: 'うーん' }, { finish_reason: 'length' }),
      { text: '', finish: 'length', reasoning: 'うーん' },
    ],
    ['no message text at all', { choices: [{ message: { role: 'assistant' } }] }, { text: '' }],
    [
      'another name for the limit',
      message('よ', {}, { finish_reason: 'MAX_TOKENS' }),
      { text: 'よ', finish: 'length' },
    ],
    [
      'more choices than one',
      {
        choices: [
          { index: 1, message: { content: '二' } },
          { index: 0, message: { content: '一' } },
        ],
      },
      { text: '一' },
    ],
    ['ids that are numbers', { id: 7, created: 'now', ...good, usage: null }, { text: 'よい' }],
    ['usage', { ...good, usage: { completion_tokens: 3 } }, { text: 'よい', tokens: 3 }],
    [
      'NaN somewhere',
      '{"choices":[{"message":{"content":"NaN, -Infinity"},"score":-Infinity}],"x":NaN}',
      { text: 'NaN, -Infinity' },
    ],
    ['thoughts', message('<think>うーん</think>\n\nよい'), { text: 'よい', reasoning: 'うーん' }],
    ['thoughts twice', message('<think>一</think><think>二</think>よい'), { text: 'よい', reasoning: '一二' }],
    [
      'thoughts that do not end',
      message('<think>うーん', {}, { finish_reason: 'length' }),
      { text: '', finish: 'length', reasoning: 'うーん' },
    ],
    ['thoughts that began in the prompt', message('うーん</think>よい'), { text: 'よい', reasoning: 'うーん' }],
    ['thoughts by another name', message('<Thinking>うーん</Thinking>よい'), { text: 'よい', reasoning: 'うーん' }],
    [
      'thoughts in a field',
      message('\n\nよい', { reasoning_content: 'うーん' }),
      { text: 'よい', reasoning: 'うーん' },
    ],
    [
      'thoughts in a part',
      message([
        { type: 'thinking', thinking: [{ type: 'text', text: 'うーん' }] },
        { type: 'text', text: 'よい' },
      ]),
      { text: 'よい', reasoning: 'うーん' },
    ],
    [
      'a tag that is spoken of',
      message('HTML に <think> という要素はない'),
      { text: 'HTML に <think> という要素はない' },
    ],
    [
      'a stream that nobody asked for',
      stream(
        { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
        { choices: [{ index: 0, delta: { reasoning_content: 'うー' } }] },
        { choices: [{ index: 0, delta: { reasoning_content: 'ん' } }] },
        { choices: [{ index: 0, delta: { content: 'よ' } }] },
        { choices: [{ index: 0, delta: { content: 'い' }, finish_reason: 'length' }] },
        { choices: [], usage: { completion_tokens: 9 } },
      ),
      { text: 'よい', finish: 'length', reasoning: 'うーん', tokens: 9 },
    ],
    [
      'a stream of texts',
      stream({ choices: [{ text: 'よ' }] }, { choices: [{ text: 'い', finish_reason: 'stop' }] }),
      { text: 'よい', finish: 'end' },
    ],
  ])('%s', async (_, body, expected) => {
    const service = await Service.start(() => [200, body]);
    const [answer] = (await ask(await open(service), [generate('x')])) as [GenerateAnswer];
    expect(answer).toMatchObject(expected);
    if (!('reasoning' in expected)) expect(answer.reasoning).toBeUndefined();
  });

  it.each([
    ['in the text', message('<think>うーん</think>\nよい'), '<think>うーん</think>\nよい'],
    ['in a field', message('よい', { reasoning: 'うーん' }), '<think>うーん</think>\nよい'],
  ])('reasoning %s is graded when it is to be', async (_, body, text) => {
    const backend = await open(await Service.start(() => [200, body]), { reasoning: 'keep' });
    expect(await ask(backend, [generate('x')])).toEqual([{ text, finish: 'end' }]);
    // Kept answers of the two settings are not mixed up.
    expect(backend.settings).toMatchObject({ reasoning: 'part of the text' });
  });

  it('a stop text that ends the reasoning is enforced on the answer instead', async () => {
    const whole = '<think>まず\n\n次に</think>\n\nよい\n\nわるい';
    const service = await Service.start((_path, body) => [
      200,
      message('stop' in body ? whole.split('\n\n')[0] : whole),
    ]);
    const [answer] = await ask(await open(service), [generate('x', { stop: ['\n\n'] })]);
    expect(answer).toMatchObject({ text: 'よい', finish: 'stop', reasoning: 'まず\n\n次に', leftOut: ['stop'] });
  });
});

describe('log-probabilities that are none', () => {
  const echoing =
    (last: unknown): Handler =>
    (_path, body) => {
      const text = String(body.prompt);
      const tokens = ['<s>', ...text];
      const odd = text.endsWith('z');
      const token_logprobs = tokens.map((_, i) => (i === 0 ? null : odd && i === tokens.length - 1 ? last : -1));
      const json = JSON.stringify({ choices: [{ text, logprobs: { tokens, token_logprobs } }] });
      return [200, json.replace('"BARE"', '-Infinity')];
    };

  it.each([['null'], ['-inf'], ['-Infinity'], ['NaN'], ['BARE']])('%s names the token', async (last) => {
    const service = await Service.start(echoing(last === 'null' ? null : last));
    const backend = await open(service, { chat: undefined });
    const request: Request = { kind: 'choices', prompt: 'xy', choices: ['a', 'z'] };
    await expect(ask(backend, [request])).rejects.toMatchObject({
      code: 'no-number',
      message: expect.stringMatching(
        /the token "z" \(number 4 of 4\) the log-probability (null|-?inf|-?Infinity|NaN)\n/i,
      ),
    });
  });

  it('all of them none is no echo at all', async () => {
    const nulls: Handler = (_path, { prompt }) => {
      const tokens = ['<s>', ...String(prompt)];
      const logprobs = { tokens, token_logprobs: tokens.map(() => null) };
      return [200, { choices: [{ text: prompt, logprobs }] }];
    };
    const backend = await open(await Service.start(nulls), { chat: undefined });
    expect([...backend.kinds]).toEqual(['generate']);
  });

  it('−9999, as vLLM writes it, is a number', async () => {
    const backend = await open(await Service.start(echoing(-9999)), { chat: undefined });
    const [answer] = (await ask(backend, [{ kind: 'choices', prompt: 'xy', choices: ['a', 'z'] }])) as ChoicesAnswer[];
    expect(answer).toEqual({ logprobs: [-1, -9999], tokens: [1, 1] });
  });
});

describe('addresses and connections', () => {
  it.each([
    ['/proxy/v1', '/proxy/v1'],
    ['/proxy/v1/', '/proxy/v1'],
    ['/proxy/v1//', '/proxy/v1'],
    ['/proxy/v1/chat/completions', '/proxy/v1'],
    ['/proxy/v1/chat/completions/', '/proxy/v1'],
    ['/v1/completions', '/v1'],
    ['/v1/models', '/v1'],
    ['', '/v1'],
    ['/', '/v1'],
  ])('%s', async (path, prefix) => {
    const service = await Service.start(() => [200, good]);
    await ask(await open(service, { endpoint: ` ${service.address}${path}` }), [generate('x')]);
    expect(service.asked.map((each) => each.path)).toEqual([`${prefix}/chat/completions`]);
  });

  it.each([
    ['http://elsewhere:81/v2/chat/completions', 'http://elsewhere:81/v2'],
    ['/new/v1/chat/completions', '{service}/new/v1'],
  ])('a redirection to %s says what to give instead', async (location, target) => {
    const service = await Service.start(() => [308, '', { location }]);
    const wanted = target.replace('{service}', service.address);
    await expect(ask(await open(service), [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-moved',
      remedy: `Give --endpoint ${wanted}, if you trust it.`,
    });
  });

  it('compressed bodies are read', async () => {
    const service = await Service.start(() => [200, good]);
    const zipped = gzipSync(JSON.stringify(good));
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n\r\n`);
        socket.end(zipped);
      });
    });
    await new Promise<void>((done) => server.listen(0, '::1', done));
    const { port } = server.address() as { port: number };
    // An IPv6 literal, by the way.
    const backend = await open(service, { endpoint: `http://[::1]:${port}/v1` });
    expect(await ask(backend, [generate('x')])).toEqual([{ text: 'よい', finish: 'end' }]);
    await new Promise((done) => server.close(done));
  });

  it('a kept connection that the service has closed is no failure', async () => {
    const sockets = new Set<Socket>();
    let answered = 0;
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      let seen = 0;
      socket.on('data', () => {
        // The second request on a connection is never read: the service had given it up without a word.
        if (seen++ > 0) return void socket.resetAndDestroy();
        answered++;
        const body = JSON.stringify(good);
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const backend = await openaiBackend({
      ...{ endpoint: `http://127.0.0.1:${port}`, model: 'm', chat: 'chat', retries: 0, concurrency: 1 },
    });
    expect(await ask(backend, [generate('x'), generate('y'), generate('z')])).toHaveLength(3);
    expect(answered).toBe(3);
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });

  it('the time limit is for the whole of an answer', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"choices"');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const backend = await openaiBackend({
      ...{ endpoint: `http://127.0.0.1:${port}`, model: 'm', chat: 'chat', retries: 0, timeoutSeconds: 0.1 },
    });
    await expect(ask(backend, [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-timeout',
      remedy: 'Ask fewer at a time with --concurrency, or give more time with --timeout.',
    });
    server.close();
  });
});
