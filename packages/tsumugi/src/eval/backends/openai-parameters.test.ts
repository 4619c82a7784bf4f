// Parameters that a service does not take are left out, and noted.
import { afterEach, describe, expect, it } from 'vitest';
import type { GenerateAnswer, GenerateRequest } from '../request.ts';
import { type Body, type Reply, Service } from './openai.testing.ts';
import { ask, generate, good, message, open, promptOf } from './openai-world.testing.ts';

afterEach(() => Service.stopAll());

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
