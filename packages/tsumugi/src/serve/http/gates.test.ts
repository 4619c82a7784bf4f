// What a live server lets in: pages of other origins, names that others gave it, sizes, JSON; and what its log makes of it.
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { liveServerOfFile } from '../serve.testing.ts';
import { rawClient, rawPost } from './sockets.testing.ts';

const live = liveServerOfFile({
  cors: ['https://chat.example'],
  hosts: ['tsumugi.local'],
  limits: { bodyBytes: 20_000, headerBytes: 4096 },
});

/** With headers that `fetch` keeps to itself. */
const ask = (headers: Record<string, string>, { method = 'GET', path = '/v1/models' } = {}) =>
  new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
    const { port } = new URL(live.server.url);
    request({ port, path, method, headers, host: '127.0.0.1' }, (response) => {
      response.resume();
      resolve({ status: response.statusCode!, headers: response.headers });
    })
      .on('error', reject)
      .end();
  });

describe('a page of a browser', () => {
  it('is refused from another origin, and where the server goes by a name that it does not have', async () => {
    const { port } = new URL(live.server.url);
    for (const [headers, status] of [
      [{ host: `localhost:${port}` }, 200],
      [{ host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` }, 200],
      [{ host: `tsumugi.local:${port}` }, 200],
      [{ host: 'evil.example' }, 403],
      [{ host: `evil.example:${port}`, origin: `http://evil.example:${port}` }, 403],
      [{ host: `localhost:${port}`, origin: 'https://evil.example' }, 403],
      [{ host: `localhost:${port}`, origin: 'null' }, 403],
      [{ host: `localhost:${port}`, origin: 'http://localhost:1' }, 403],
      [{ host: `localhost:${port}`, origin: 'https://chat.example' }, 200],
    ] as const)
      expect([headers, (await ask(headers)).status]).toEqual([headers, status]);
  });

  it('reads answers where its origin is allowed, and only there', async () => {
    const allowed = await ask({ origin: 'https://chat.example' });
    expect(allowed.headers).toMatchObject({ 'access-control-allow-origin': 'https://chat.example', vary: 'Origin' });
    expect((await ask({})).headers).not.toHaveProperty('access-control-allow-origin');
    const asking = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
    const before = await ask(
      { ...asking, origin: 'https://chat.example' },
      { method: 'OPTIONS', path: '/v1/chat/completions' },
    );
    expect([before.status, before.headers['access-control-allow-headers']]).toEqual([
      204,
      expect.stringContaining('content-type'),
    ]);
    const refused = await ask(
      { ...asking, origin: 'https://evil.example' },
      { method: 'OPTIONS', path: '/v1/chat/completions' },
    );
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, undefined]);
  });
});

describe('a body', () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
    live.server.ask('/v1/completions', { method: 'POST', body, headers }).then(async (response) => ({
      status: response.status,
      ...((await response.json()) as { error: { code: string; message: string } }).error,
    }));

  it.each([
    ['that is empty', '', 400, 'empty_body'],
    ['that is no JSON', '{"model": tiny}', 400, 'invalid_json'],
    ['that is cut off', '{"model": "tiny', 400, 'invalid_json'],
    ['that is no object', '[1]', 400, 'invalid_body'],
    ['that nests deeply', '['.repeat(9000), 400, 'invalid_json'],
    ['that is too large', JSON.stringify({ prompt: 'x'.repeat(30_000) }), 413, 'body_too_large'],
  ])('%s', async (_, body, status, code) => {
    expect(await post(body)).toMatchObject({ status, code });
  });

  it('that is not UTF-8, or encoded', async () => {
    expect(await post(Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d))).toMatchObject({ status: 400, code: 'not_utf8' });
    expect(await post('{}', { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
      code: 'unsupported_encoding',
    });
  });

  it('that is too large and never says how large', async () => {
    const client = rawClient(
      live.server.url,
      'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    for (let i = 0; i < 30 && !client.got(); i++) {
      client.socket.write(`400\r\n${'x'.repeat(1024)}\r\n`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await client.until((got) => got.startsWith('HTTP/1.1 413'));
    client.socket.destroy();
  });
});

describe('what is no request', () => {
  it('is answered in one piece of JSON, and the connection ends', async () => {
    for (const [bytes, status] of [
      ['hello\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(10_000)}\r\n\r\n`, 431],
      ['GET /v1/models HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
      ['POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400],
      [
        'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
        400,
      ],
    ] as const) {
      const client = rawClient(live.server.url, bytes);
      await client.until((got) => got.includes('"error"'));
      expect([bytes.slice(0, 40), client.got().split('\r\n')[0]]).toEqual([
        bytes.slice(0, 40),
        expect.stringMatching(`^HTTP/1.1 ${status} `),
      ]);
      expect(JSON.parse(client.got().split('\r\n\r\n')[1]!)).toHaveProperty('error.message');
      client.socket.destroy();
    }
  });

  it('is answered where there is nothing, or another method is meant', async () => {
    const wrong = await live.server.ask('/v1/completions', { method: 'PUT', body: '{}' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    const nothing = await live.server.ask('/v1/../../etc/passwd');
    expect([nothing.status, ((await nothing.json()) as { error: { message: string } }).error.message]).toEqual([
      404,
      expect.stringMatching(/nothing at "\/etc\/passwd"/),
    ]);
    expect((await live.server.ask('/v1/models/..%2f..%2fetc%2fpasswd')).status).toBe(404);
    expect((await live.server.ask('/v1/models/chat')).status).toBe(200);
  });
});

it('writes one line for a request, whatever stands in it', async () => {
  const before = live.server.lines.length;
  const nasty = 'a\nevent=forged\u001b[31m\u2028\u202eb';
  await live.server.post('/v1/completions', { model: nasty, prompt: 'x' }, { 'x-request-id': 'id with spaces' });
  await live.server.ask(`/${encodeURIComponent(nasty)}`);
  const client = rawClient(
    live.server.url,
    rawPost('/v1/completions', { model: nasty, prompt: 'x' }, ['X-Request-Id: ok-1']),
  );
  await client.until((got) => got.includes('model_not_found'));
  client.socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const lines = live.server.lines.slice(before);
  expect(lines).toHaveLength(3);
  for (const line of lines) {
    expect(line).toMatch(/^\d{4}-\S+Z event=request id=(req-[\w-]+|ok-1) method=(GET|POST) /);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u2028\u202e]/);
  }
});

describe('an answer that comes before all of its request', () => {
  it.each([
    ['too large a body', '/v1/completions', 413, false],
    ['a body of unknown length that is too large', '/v1/completions', 413, true],
    ['nothing at the path', '/v1/nothing', 404, false],
    ['another method', '/health', 405, false],
  ] as const)('reaches a client that sends to the end before it reads: %s', async (_, path, status, chunked) => {
    const length = 16 << 20;
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
    const client = rawClient(live.server.url, `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n`);
    client.socket.pause();
    let fault: Error | undefined;
    client.socket.on('error', (error) => {
      fault = error;
    });
    const piece = Buffer.alloc(1 << 18, 120);
    const sent = chunked ? Buffer.concat([Buffer.from('40000\r\n'), piece, Buffer.from('\r\n')]) : piece;
    for (let k = 0; k < length; k += piece.length)
      if (!client.socket.write(sent)) await Promise.race([once(client.socket, 'drain').catch(() => {}), client.closed]);
    client.socket.resume();
    client.socket.end(chunked ? '0\r\n\r\n' : '');
    await client.closed;
    expect([fault, client.got().split('\r\n')[0]]).toEqual([undefined, expect.stringContaining(` ${status} `)]);
    expect(client.got().toLowerCase()).toContain('connection: close');
  });

  it('leaves the connection to a client whose small request has come with its headers', async () => {
    const client = rawClient(live.server.url, rawPost('/v1/nothing', { a: 1 }));
    await client.until((got) => got.includes('not_found'));
    client.socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.until((got) => got.includes('"status":"ok"'));
    client.socket.destroy();
  });
});
