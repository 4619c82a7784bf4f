// Events on a live connection: what a client reads, and when they are pulled and ended.
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { EventStream, type ServerEvent } from './event-stream.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function ask(stream: EventStream): Promise<{ response: IncomingMessage; sent: Promise<void> }> {
  const { promise: sent, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer((_request, outgoing) => void stream.send(outgoing).then(resolve, reject)).listen(0);
  open.push({ close: () => server.close() && server.closeAllConnections() });
  await once(server, 'listening');
  const request = get({ port: (server.address() as AddressInfo).port });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { response, sent };
}

it('writes names and JSON, and texts as they are', async () => {
  async function* events(): AsyncGenerator<ServerEvent, void> {
    yield { event: 'told', data: { text: '紬' } };
    yield { data: '[DONE]' };
  }
  const { response, sent } = await ask(new EventStream(events(), { headers: { 'x-own': 'yes' } }));
  expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'x-own': 'yes' });
  // Neither caches nor nginx may keep them.
  expect(response.headers).toMatchObject({ 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
  expect((await response.setEncoding('utf8').toArray()).join('')).toBe(
    'event: told\ndata: {"text":"紬"}\n\ndata: [DONE]\n\n',
  );
  await sent;
});

it('tells a client that waits that it is there, from the start', async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  async function* events(): AsyncGenerator<ServerEvent, void> {
    await over;
    yield { data: 'late' };
  }
  const { response, sent } = await ask(new EventStream(events(), { keepAliveSeconds: 0.02 }));
  const [first] = (await once(response.setEncoding('utf8'), 'data')) as [string];
  expect(first).toBe(': keep-alive\n\n');
  end();
  expect((await response.toArray()).join('')).toMatch(/data: late\n\n$/);
  await sent;
});

it('makes nothing for a client that does not read, and ends with one that goes', async () => {
  let made = 0;
  let ended = false;
  async function* events(): AsyncGenerator<ServerEvent, void> {
    try {
      for (;;) {
        made++;
        yield { data: 'x'.repeat(100_000) };
      }
    } finally {
      ended = true;
    }
  }
  const { response, sent } = await ask(new EventStream(events()));
  let before = -1;
  while (made !== before) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(made).toBeLessThan(1000); // what the buffers of both sides hold
  response.destroy();
  await sent;
  expect(ended).toBe(true);
});
