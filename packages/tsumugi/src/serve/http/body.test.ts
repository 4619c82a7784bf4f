// What is read of a connection: bodies up to their limit, fields that nobody knows, clients that are too slow.
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkBody } from './check-body.ts';
import { readJsonBody } from './read-body.ts';
import { refuseConnection } from './refuse-connection.ts';

/** A request whose body is these texts; left open where it `goesOn`. */
function incoming(texts: string[], headers: Record<string, string> = {}, goesOn = false): IncomingMessage {
  const stream = new PassThrough();
  for (const text of texts) stream.write(text);
  if (!goesOn) stream.end();
  return Object.assign(stream, { headers }) as unknown as IncomingMessage;
}
const never = new AbortController().signal;

it('reads as many bytes as it may, and not one more', async () => {
  expect(await readJsonBody(incoming(['"猫'], {}), 100, never).catch(({ code }) => code)).toBe('invalid_json');
  expect(await readJsonBody(incoming(['"猫', '"']), 5, never)).toBe('猫');
  expect(await readJsonBody(incoming(['"猫"'], { 'content-length': '5' }), 5, never)).toBe('猫');
  const tooLarge = { status: 413, code: 'body_too_large', headers: { connection: 'close' } };
  await expect(readJsonBody(incoming(['"猫', 'a"']), 5, never)).rejects.toMatchObject(tooLarge);
  // What says so itself is not waited for.
  await expect(readJsonBody(incoming([], { 'content-length': '6' }, true), 5, never)).rejects.toMatchObject(tooLarge);
});

it('reads no further when the request is over', async () => {
  const controller = new AbortController();
  const reading = readJsonBody(incoming(['{"a":'], {}, true), 100, controller.signal);
  controller.abort(new Error('its time is up'));
  await expect(reading).rejects.toThrow('its time is up');
});

it('tells a client that is too slow so', async () => {
  const socket = new PassThrough();
  refuseConnection(Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
  const said = (await socket.setEncoding('utf8').toArray()).join('');
  expect(said).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n.*\r\nconnection: close\r\n\r\n\{.*"request_too_slow"/s);
  const gone = new PassThrough();
  refuseConnection(Object.assign(new Error('gone'), { code: 'ECONNRESET' }), gone);
  expect(gone.destroyed).toBe(true);
});

describe('a field that nobody reads', () => {
  const schema = z.object({
    top_p: z.number().optional(),
    stop: z.string().optional(),
    max_tokens: z.int().optional(),
    n: z.int().optional(),
  });
  const check = (body: object) => checkBody(schema, body).ignored;

  it.each(['max_token', 'max_tokns', 'MAX_TOKENS', 'stpo', 'topp'])('is a slip: %s', (name) => {
    expect(() => check({ [name]: 1 })).toThrow(/there is no field ".*"\n.*Did you mean "/);
  });

  it.each([
    'top_a',
    'stops',
    'store',
    'm',
    'num',
    'max_steps_x',
    'max_token_id',
    'max_tokenizer',
    'maximum',
    'step_by',
  ])('is of others: %s', (name) => {
    expect(check({ [name]: 1 })).toEqual([name]);
  });

  it('is no slip where the field that it is near to is there, too', () => {
    expect(check({ max_tokens: 1, max_token: 2 })).toEqual(['max_token']);
  });
});
