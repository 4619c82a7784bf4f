// What the router makes of any route: the headers, the line in the log and the number in the metrics of each answer, and of faults.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { defaultLimits } from '../limits.ts';
import { Metrics } from '../metrics.ts';
import { route } from '../route.ts';
import type { Serving } from '../serving.ts';
import { makeApp } from './app.ts';
import { EventStream } from './event-stream.ts';
import { HttpError } from './http-error.ts';
import { json } from './json.ts';
import { Keys } from './keys.ts';
import type { LogEvent } from './log.ts';

const get = (path: string, answer: Parameters<typeof route>[0]['answer']) =>
  route({ method: 'GET', path, summary: 'one of a test', answer });
const routes = [
  get('/things/:name', ({ params, note }) => {
    note({ thing: params['name']! });
    return json({});
  }),
  get('/fault', () => {
    throw new TypeError('what nobody outside should read');
  }),
  get('/full', () => {
    throw new HttpError(429, 'queue_full', 'too many wait', { retryAfter: 2 });
  }),
  get('/broken-stream', () => {
    async function* events() {
      yield { data: 'begun' };
      throw new TypeError('what nobody outside should read');
    }
    return new EventStream(events());
  }),
  get('/endless', () => {
    async function* events() {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield { data: 'more' };
      }
    }
    return new EventStream(events());
  }),
  route({
    method: 'POST',
    path: '/body',
    summary: 'one of a test',
    body: z.object({ known: z.int() }),
    answer: () => json({}),
  }),
];
const lines: LogEvent[] = [];
const metrics = new Metrics(['m']);
const serving = { limits: defaultLimits, models: new Map() } as unknown as Serving;
const app = makeApp(routes, serving, {
  ...{ keys: new Keys([]), log: (event: LogEvent) => void lines.push(event), metrics, lastRequests: () => false },
  origins: { cors: ['https://chat.example'], hosts: undefined },
  closing: new AbortController().signal,
});
const server = createServer(
  getRequestListener((asked, env) => app.fetch(asked, env as never), { overrideGlobalObjects: false }),
);
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
beforeEach(() => void lines.splice(0));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init);
/** The line of the one request of a test. */
const line = async () => {
  await expect.poll(() => lines.length, { timeout: 10_000 }).toBe(1);
  return lines[0]!;
};

it('counts a request once, by the route and not by what stands in its path', async () => {
  for (const name of ['a', 'b']) await ask(`/things/${name}`);
  await ask('/nothing');
  const { values } = await metrics.registry.getSingleMetric('tsumugi:http_requests_total')!.get();
  expect(values.map(({ labels, value }) => [labels['route'], labels['status'], value])).toEqual([
    ['/things/:name', '200', 2],
    ['none', '404', 1],
  ]);
});

it('has a line in the log for a request, with what its route notes', async () => {
  await ask('/things/cat?key=secret', { headers: { 'x-request-id': 'mine-1' } });
  const told = { event: 'request', id: 'mine-1', method: 'GET', path: '/things/cat', status: 200, thing: 'cat' };
  expect(await line()).toMatchObject(told);
  expect(await line()).not.toHaveProperty('cut');
});

it('tells the log what was wrong, and a client of a fault of ours only that it is one', async () => {
  const response = await ask('/fault');
  expect([response.status, await response.json()]).toEqual([
    500,
    { error: expect.objectContaining({ type: 'server_error', message: expect.not.stringContaining('nobody') }) },
  ]);
  expect((await line())['fault']).toContain('what nobody outside should read');
});

it('tells the log the code of what was refused', async () => {
  expect((await ask('/full')).headers.get('retry-after')).toBe('2');
  expect(await line()).toMatchObject({ status: 429, fault: 'queue_full' });
});

it('cuts a stream off that cannot be finished: it would look whole', async () => {
  const response = await ask('/broken-stream');
  await expect(response.text()).rejects.toThrow();
  expect(await line()).toMatchObject({ status: 200, cut: true, fault: expect.stringContaining('nobody outside') });
});

it('says of an answer whose client has gone that it was cut', async () => {
  const { port } = server.address() as AddressInfo;
  const asked = request({ port, host: '127.0.0.1', path: '/endless' }, (response) =>
    response.once('data', () => asked.destroy()),
  );
  asked.on('error', () => {});
  asked.end();
  expect(await line()).toMatchObject({ path: '/endless', cut: true });
});

it('lets a page of an allowed origin read errors, too', async () => {
  for (const path of ['/things/a', '/full', '/fault', '/nothing']) {
    const { headers } = await ask(path, { headers: { origin: 'https://chat.example' } });
    expect(headers.get('access-control-allow-origin'), path).toBe('https://chat.example');
  }
});

it('gives a request a name under both headers, its own where that is short and plain', async () => {
  for (const [asked, told] of [
    ['a-b_c.9', 'a-b_c.9'],
    ['x'.repeat(64), 'x'.repeat(64)],
    ['x'.repeat(65), expect.stringMatching(/^req-/)],
    ['a b', expect.stringMatching(/^req-/)],
  ]) {
    const { headers } = await ask('/things/a', { headers: { 'x-request-id': asked } });
    expect(headers.get('x-request-id')).toEqual(told);
    expect(headers.get('request-id')).toBe(headers.get('x-request-id'));
  }
});

it('names the fields that nobody reads, as far as a header can hold them', async () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`field_${i}`, 1]));
  const body = JSON.stringify({ known: 1, 'two words': 1, 猫: 1, ['x'.repeat(41)]: 1, ...many });
  const { status, headers } = await ask('/body', { method: 'POST', body });
  const named = headers.get('x-tsumugi-ignored')!.split(', ');
  expect([status, named]).toEqual([200, Object.keys(many).slice(0, 20)]);
  expect((await line())['ignored']).toContain('field_29');
});
