// Keys on a live server: every route of the table but /health needs one, however it is sent, and nothing tells which it is.
import { describe, expect, it } from 'vitest';
import { routes } from '../routes.ts';
import { liveServerOfFile } from '../serve.testing.ts';

const [key, other] = ['sesame-open-0123456789', 'second-9876543210'];
const live = liveServerOfFile({ keys: [key, other] });

/** A path that the router leads to the route. */
const pathOf = (path: string) => path.replaceAll(/:(\w+)(\{[^}]*\})?/g, 'tiny');
const guarded = routes.filter(({ open }) => open !== true);

it('is needed by every route but /health', () => {
  expect(routes.filter(({ open }) => open).map(({ path }) => path)).toEqual(['/health']);
  expect(guarded.length).toBeGreaterThan(8);
});

it.each(guarded.map(({ method, path }) => [method, path]))('%s %s', async (method, path) => {
  const ask = async (headers: Record<string, string>) =>
    (await live.server.ask(pathOf(path), { method, headers, ...(method === 'POST' && { body: '{}' }) })).status;
  expect(await ask({})).toBe(401);
  for (const wrong of ['x', `${key}x`, key.slice(1), '', `${key} ${key}`])
    expect(await ask({ authorization: `Bearer ${wrong}` }), wrong).toBe(401);
  for (const wrong of ['x', '']) expect(await ask({ 'x-api-key': wrong })).toBe(401);
  // With a key the request gets further: what it lacks is another thing.
  for (const headers of [
    { authorization: `Bearer ${key}` },
    { authorization: `bearer ${other}` },
    { 'x-api-key': other },
    // Proxies add what their clients did not send: the one that is written out counts.
    { authorization: `Bearer ${key}`, 'x-api-key': 'x' },
  ])
    expect(await ask(headers)).not.toBe(401);
});

describe('a key', () => {
  it('is asked for before anything is said of what there is', async () => {
    const { status, headers } = await live.server.ask('/nothing/here');
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await live.server.ask('/v1/models', { method: 'DELETE' })).status).toBe(401);
    const body = await (await live.server.ask('/v1/models')).json();
    expect(body).toEqual({
      error: {
        message: 'this server needs an API key → Send it as "Authorization: Bearer KEY" or as "x-api-key: KEY".',
        type: 'authentication_error',
        param: null,
        code: 'missing_api_key',
      },
    });
  });

  it('is what a browser asks a person for, as the password of any name', async () => {
    const { status, headers } = await live.server.ask('/');
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Basic realm="tsumugi"']);
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    expect((await live.server.ask('/', { headers: basic(`me:${key}`) })).status).toBe(200);
    expect((await live.server.ask('/v1/models', { headers: basic(`:${other}`) })).status).toBe(200);
    expect((await live.server.ask('/v1/models', { headers: basic(key) })).status).toBe(200);
    expect((await live.server.ask('/v1/models', { headers: basic('me:wrong') })).status).toBe(401);
  });

  it('is not in the log, nor one that is wrong, wherever it stands', async () => {
    await live.server.ask(`/v1/models?key=${key}`, {
      headers: { authorization: `Bearer ${key}`, 'x-request-id': 'find-me' },
    });
    await live.server.ask('/v1/models', { headers: { 'x-api-key': 'almost-a-key' } });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const lines = live.server.lines.join('');
    expect(lines).toContain('id=find-me');
    expect(lines).not.toMatch(/sesame|second-98|almost-a-key/);
  });
});
