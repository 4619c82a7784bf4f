// Log-probabilities that are none, and addresses and connections as they are in the world.
import { createServer, type Socket } from 'node:net';
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChoicesAnswer, Request } from '../request.ts';
import { type Handler, Service } from './openai.testing.ts';
import { openaiBackend } from './openai.ts';
import { ask, generate, good, open } from './openai-world.testing.ts';

afterEach(() => Service.stopAll());

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

  const whole = Buffer.from(JSON.stringify(good));
  const sjis = [Buffer.from('{"choices":[{"message":{"content":"'), [0x94, 0x4c], Buffer.from('"}}]}')]; // 猫
  it.each([
    ['gzip', 'content-encoding: gzip', gzipSync(whole), 'よい'],
    ['GZIP', 'Content-Encoding: GZIP', gzipSync(whole), 'よい'],
    ['x-gzip', 'content-encoding: x-gzip', gzipSync(whole), 'よい'],
    ['identity', 'content-encoding: identity', whole, 'よい'],
    ['deflate', 'content-encoding: deflate', deflateSync(whole), 'よい'],
    ['deflate without its header', 'content-encoding: deflate', deflateRawSync(whole), 'よい'],
    ['zstd', 'content-encoding: zstd', zstdCompressSync(whole), 'よい'],
    ['two codings', 'content-encoding: deflate, gzip', gzipSync(deflateSync(whole)), 'よい'],
    ['a charset', 'content-type: application/json; charset="Shift_JIS"', Buffer.concat(sjis.map(Buffer.from)), '猫'],
    ['a charset that is none', 'content-type: application/json;charset=x', whole, 'よい'],
    ['an unknown coding', 'content-encoding: lzw', whole, /sent an answer that cannot be read: it is encoded as "lzw"/],
    ['a broken coding', 'content-encoding: gzip', whole, /sent an answer that cannot be read: it is no gzip: /],
  ])('bodies are read: %s', async (_, header, body, expected) => {
    const service = await Service.start(() => [200, good]);
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\n${header}\r\ncontent-length: ${body.length}\r\n\r\n`);
        socket.end(body);
      });
    });
    await new Promise<void>((done) => server.listen(0, '::1', done));
    const { port } = server.address() as { port: number };
    // An IPv6 literal, by the way.
    const backend = await open(service, { endpoint: `http://[::1]:${port}/v1`, chat: 'chat', retries: 0 });
    const answers = ask(backend, [generate('x')]);
    if (typeof expected === 'string') expect(await answers).toEqual([{ text: expected, finish: 'end' }]);
    else await expect(answers).rejects.toThrow(expected);
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
      endpoint: `http://127.0.0.1:${port}`,
      model: 'm',
      chat: 'chat',
      retries: 0,
      concurrency: 1,
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
      endpoint: `http://127.0.0.1:${port}`,
      model: 'm',
      chat: 'chat',
      retries: 0,
      timeoutSeconds: 0.1,
    });
    await expect(ask(backend, [generate('x')])).rejects.toMatchObject({
      code: 'endpoint-timeout',
      remedy: 'Ask fewer at a time with --concurrency, or give more time with --timeout.',
    });
    server.close();
  });
});
