// What a live server bears: clients that leave, that do not read, that come in hundreds; its engine's thread dying; its end.
import { afterEach, describe, expect, it } from 'vitest';
import { rawClient, rawPost, waitFor } from './http/sockets.testing.ts';
import { chatModel, eventsOf, type LiveServer, startLive } from './serve.testing.ts';
import { startServer } from './server.ts';

const tiny = chatModel(3);
const servers: LiveServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
}, 60_000);
const start = async (options: Partial<Parameters<typeof startLive>[0]> = {}) => {
  const server = await startLive({ models: [{ name: 'tiny', folder: tiny.folder }], ...options });
  servers.push(server);
  return server;
};
/** Goes on until it is stopped. */
const endless = { model: 'tiny', prompt: '猫', max_tokens: 4000, ignore_eos: true, logit_bias: { 270: 100 } };
const limits = { contextTokens: 100_000 };

async function gauge(server: LiveServer, name: string): Promise<number> {
  const text = await (await server.ask('/metrics')).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)![1]);
}
const running = (server: LiveServer) => gauge(server, 'vllm:num_requests_running');

describe('a client that leaves', () => {
  it('ends what it asked for, in the middle of a stream and before anything came', async () => {
    const server = await start({ limits });
    const streaming = rawClient(server.url, rawPost('/v1/completions', { ...endless, stream: true }));
    await streaming.until((got) => got.includes('data: '));
    const waiting = new AbortController();
    const whole = server.ask('/v1/completions', {
      method: 'POST',
      body: JSON.stringify(endless),
      signal: waiting.signal,
    });
    whole.catch(() => {});
    await waitFor(async () => (await running(server)) === 2);
    streaming.socket.destroy();
    await waitFor(async () => (await running(server)) === 1);
    waiting.abort();
    await waitFor(async () => (await running(server)) === 0);
    // Its tensors have gone with it.
    const { status } = await server.post('/v1/completions', { model: 'tiny', prompt: '山', max_tokens: 1 });
    expect(status).toBe(200);
  });

  it('is one that closes its half of the connection', async () => {
    const server = await start({ limits });
    const client = rawClient(server.url, rawPost('/v1/completions', endless));
    await waitFor(async () => (await running(server)) === 1);
    client.socket.end();
    await client.closed;
    await waitFor(async () => (await running(server)) === 0);
  });
});

it('gives up a client that reads nothing', async () => {
  const server = await start({ slots: 16, limits: { ...limits, maxTokens: 100_000, stallSeconds: 1 } });
  // Log-probabilities of many answers make much of each pass: the socket is full long before the end.
  const much = { ...endless, max_tokens: 50_000, stream: true, logprobs: 20, n: 16 };
  const client = rawClient(server.url, rawPost('/v1/completions', much));
  client.socket.pause();
  await waitFor(async () => (await running(server)) === 16);
  await waitFor(async () => (await running(server)) === 0, undefined, 150_000);
  client.socket.destroy();
}, 180_000);

it('is not held up by one that sends slowly', async () => {
  const server = await start();
  const slow = rawClient(
    server.url,
    'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"mod',
  );
  const { status } = await server.post('/v1/completions', { model: 'tiny', prompt: '山', max_tokens: 1 });
  expect(status).toBe(200);
  slow.socket.destroy();
});

describe('a queue', () => {
  it('has an end: who comes later is told to come again', async () => {
    const server = await start({ slots: 1, limits: { ...limits, queue: 2 } });
    const stop = new AbortController();
    // Those that wait are answered when the first two have ended.
    const asked = Array.from({ length: 8 }, () =>
      server.ask('/v1/completions', {
        method: 'POST',
        body: JSON.stringify({ ...endless, max_tokens: 800, stream: true }),
        signal: stop.signal,
      }),
    );
    const refused = (await Promise.all(asked)).filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(5);
    expect(refused[0]!.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused[0]!.json()).toMatchObject({ error: { code: 'queue_full', type: 'rate_limit_error' } });
    stop.abort();
    await waitFor(async () => (await running(server)) === 0);
  });

  it('of a thousand is written to its last, each once', async () => {
    const server = await start({ slots: 16, limits: { queue: 1000 } });
    const texts = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const { body, status } = await server.post('/v1/completions', {
          model: 'tiny',
          prompt: [1, 261 + (i % 40)],
          max_tokens: 2,
          temperature: 0,
        });
        return status === 200 ? [i % 40, body.choices[0].text, body.id] : status;
      }),
    );
    const answers = texts as [number, string, string][];
    expect(new Set(answers.map(([, , id]) => id)).size).toBe(1000);
    const byPrompt = Map.groupBy(answers, ([prompt]) => prompt);
    for (const own of byPrompt.values()) expect(new Set(own.map(([, text]) => text)).size).toBe(1);
  }, 180_000);
});

it('says while it loads that it is not ready', async () => {
  const models = [{ name: 'tiny', folder: tiny.folder }];
  const loading = await startServer({ models, port: 0, memoryBytes: 1 << 30, cacheBytes: 1 << 20, log: () => {} });
  const health = async () => {
    const response = await fetch(`${loading.url}/health`);
    return [response.status, await response.json()];
  };
  expect(await health()).toEqual([503, { status: 'loading' }]);
  await loading.ready;
  expect(await health()).toEqual([200, { status: 'ok' }]);
  await loading.close();
});

it('ends a request whose time is up', async () => {
  const server = await start({ limits: { ...limits, requestSeconds: 0.3 } });
  const { status, body } = await server.post('/v1/completions', endless);
  expect([status, body.error]).toEqual([504, expect.objectContaining({ code: 'request_timeout' })]);
  const events = await eventsOf(
    await server.ask('/v1/completions', { method: 'POST', body: JSON.stringify({ ...endless, stream: true }) }),
  );
  expect(events.at(-1)).toMatchObject({ error: { code: 'request_timeout' } });
  await waitFor(async () => (await running(server)) === 0);
});

describe("the engine's thread", () => {
  it('dies: who waits is told, and it is started again', async () => {
    const server = await start({ limits });
    const asked = [
      server.post('/v1/completions', endless),
      server.post('/v1/completions', { ...endless, prompt: '山' }),
    ];
    const stream = server.ask('/v1/completions', {
      method: 'POST',
      body: JSON.stringify({ ...endless, stream: true }),
    });
    const events = stream.then(eventsOf);
    await waitFor(async () => (await running(server)) === 3);
    server.thread.worker.postMessage({ type: 'nonsense' });
    for (const { status, body, headers } of await Promise.all(asked))
      expect([status, body.error.code, headers.get('retry-after')]).toEqual([503, 'engine_restarted', '2']);
    expect((await events).at(-1)).toMatchObject({ error: { code: 'engine_restarted' } });
    const health = await server.ask('/health');
    expect([health.status, await health.json()]).toEqual([503, { status: 'restarting' }]);
    await waitFor(async () => (await server.ask('/health')).status === 200);
    expect((await server.post('/v1/completions', { ...endless, max_tokens: 3 })).body.usage.completion_tokens).toBe(3);
    expect(server.lines.join('')).toMatch(/event=engine-died .*nonsense/);
    expect(await gauge(server, 'tsumugi:engine_restarts_total')).toBe(1);
  });

  it('is killed: the same', async () => {
    const server = await start({ limits });
    const asked = server.post('/v1/completions', endless);
    await waitFor(async () => (await running(server)) === 1);
    await server.thread.worker.terminate();
    expect((await asked).status).toBe(503);
    await waitFor(async () => (await server.ask('/health')).status === 200);
  });
});

describe('the end', () => {
  it('lets what runs be written, and takes nothing more', async () => {
    const server = await start({ drainDelay: 1 });
    const body = { ...endless, max_tokens: 400, stream: true };
    const response = await server.ask('/v1/completions', { method: 'POST', body: JSON.stringify(body) });
    const closed = server.close();
    const health = await server.ask('/health');
    expect([health.status, await health.json(), health.headers.get('connection')]).toEqual([
      503,
      { status: 'draining' },
      'close',
    ]);
    // Whoever has not heard of it yet is served.
    expect((await server.post('/v1/completions', { model: 'tiny', prompt: '山', max_tokens: 1 })).status).toBe(200);
    expect((await eventsOf(response)).at(-1)).toBe('[DONE]');
    await closed;
    await expect(server.ask('/health')).rejects.toThrow();
  });

  it('refuses what a client sends behind its last answer', async () => {
    const server = await start({ limits });
    const body = { ...endless, max_tokens: 300, stream: true };
    const client = rawClient(server.url, rawPost('/v1/completions', body));
    await client.until((got) => got.includes('data: '));
    const closed = server.close();
    client.socket.write(rawPost('/v1/completions', body));
    await client.until((got) => got.includes('"shutting_down"'));
    expect(client.got()).toMatch(/\[DONE\].*HTTP\/1\.1 503 .*retry-after: 5\r\n/is);
    await closed;
    await server.close(); // once more, for nothing
  });

  it('does not wait for a request that does not come', async () => {
    const server = await start({ drainSeconds: 0 });
    const client = rawClient(server.url, 'GET /health HTTP/1.1\r\nHost: loc');
    await waitFor(async () => (await server.ask('/health')).status === 200);
    const begun = performance.now();
    await server.close();
    await client.closed;
    expect(performance.now() - begun).toBeLessThan(15_000);
  });

  it('waits no longer than it was told', async () => {
    const server = await start({ limits, drainSeconds: 1 });
    const asked = server.post('/v1/completions', endless);
    await waitFor(async () => (await running(server)) === 1);
    const begun = performance.now();
    await server.close();
    expect((await asked).body.error.code).toBe('shutting_down');
    expect(performance.now() - begun).toBeLessThan(30_000);
  });
});
