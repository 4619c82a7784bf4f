// A reader of a mailbox gets what comes, whenever it asks.
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Mailbox } from './mailbox.ts';

it('gives what waits, then what comes, then the result', async () => {
  const mailbox = new Mailbox<number, string>();
  mailbox.push(1);
  mailbox.push(2);
  const items = mailbox.items();
  expect(await items.next()).toEqual({ done: false, value: 1 });
  expect(await items.next()).toEqual({ done: false, value: 2 });
  for (const value of [3, 4]) {
    const next = items.next();
    await setImmediate();
    mailbox.push(value);
    expect(await next).toEqual({ done: false, value });
  }
  const last = items.next();
  await setImmediate();
  mailbox.end('over');
  expect(await last).toEqual({ done: true, value: 'over' });
});

it.each([true, false])('gives what came before it failed, then throws it; asked before: %s', async (before) => {
  const mailbox = new Mailbox<number, void>();
  const error = new Error('no memory');
  const items = mailbox.items();
  const first = before ? items.next() : undefined;
  await setImmediate();
  mailbox.push(1);
  mailbox.fail(error);
  expect((await (first ?? items.next())).value).toBe(1);
  await expect(items.next()).rejects.toBe(error);
});

it.each([true, false])('drops what waits when it is aborted; asked before: %s', async (before) => {
  const mailbox = new Mailbox<number, void>();
  const items = mailbox.items();
  if (!before) mailbox.push(1);
  const first = before ? items.next() : undefined;
  await setImmediate();
  mailbox.abort('gone');
  await expect(first ?? items.next()).rejects.toBe('gone');
});

it('throws also what is undefined', async () => {
  const mailbox = new Mailbox<number, void>();
  mailbox.fail(undefined);
  await expect(mailbox.items().next()).rejects.toBe(undefined);
});
