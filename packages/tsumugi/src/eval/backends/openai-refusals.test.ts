// What does not pass at an endpoint ends at once with a sentence, and one prompt that is refused is counted.
import { afterEach, describe, expect, it } from 'vitest';
import type { GenerateAnswer } from '../request.ts';
import { type Handler, type Reply, Service } from './openai.testing.ts';
import { ask, generate, good, message, open, promptOf } from './openai-world.testing.ts';

afterEach(() => Service.stopAll());

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
