// What passes at an endpoint is met with another try: errors inside answers, broken connections, waits.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Reply, Service } from './openai.testing.ts';
import { ask, first, generate, good, message, open } from './openai-world.testing.ts';

afterEach(() => Service.stopAll());

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
