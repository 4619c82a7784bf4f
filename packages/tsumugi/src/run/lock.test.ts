// Locks: one taker, whoever else tries at the same moment; only what is proved to have ended is taken over.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { inTime } from '../base/thorough.testing.ts';
import { thrown } from '../base/thrown.testing.ts';
import { Lock } from './lock.ts';
import { fateOf, type Owner, ownerNow } from './lock-owner.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-lock-'));
});
afterEach(() => rmSync(home, { recursive: true }));
const at = (name: string) => join(home, name);

/** No process has this id: it is above Linux's largest. */
const nobody = 2 ** 22 + 1;
const ended = (): Owner => ({ ...ownerNow(), pid: nobody, started: '1' });

it('is taken, refused to others, and let go', () => {
  {
    using _lock = new Lock(at('lock'), 'runs/a');
    expect(readdirSync(home)).toEqual(['lock']);
    expect(JSON.parse(readFileSync(at('lock'), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() });
    const { code, message } = thrown(UserError, () => new Lock(at('lock'), 'runs/a'));
    expect(code).toBe('run-in-use');
    expect(message).toContain(`runs/a is being written by process ${process.pid} on ${hostname()}, for `);
    expect(message).toContain('Wait for it or end it');
  }
  expect(readdirSync(home)).toEqual([]);
});

describe('whose process has ended', () => {
  const here = ownerNow();
  it.each<[string, Partial<Owner>, string]>([
    ['itself', {}, 'runs'],
    ['killed', { pid: nobody }, 'ended'],
    ['another process that got its id', { started: '1' }, 'ended'],
    ['before the machine was started anew', { boot: 'another', machine: 'm' }, 'ended'],
    ['of another boot, of a machine that cannot be told', { boot: 'another', machine: null }, 'unknown'],
    ['on another machine', { host: 'elsewhere' }, 'unknown'],
    ['on another machine with the same name', { machine: 'other' }, 'unknown'],
    ['in another container', { namespace: 'pid:[1]' }, 'unknown'],
  ])('%s', (_name, changes, fate) => {
    const reader = { ...here, machine: changes.machine === null ? null : 'm' };
    expect(fateOf({ ...here, machine: 'm', ...changes }, reader)).toBe(fate);
  });

  it('cannot be told from a lock that cannot be read', () => {
    expect(fateOf(null)).toBe('unknown');
    for (const text of ['', 'x', '{"pid":1}']) {
      writeFileSync(at('lock'), text);
      expect(thrown(UserError, () => new Lock(at('lock'), 'runs/a')).message).toContain(`remove ${at('lock')}`);
    }
  });
});

it('is taken over when its process has ended', () => {
  writeFileSync(at('lock'), JSON.stringify(ended()));
  using _lock = new Lock(at('lock'), 'runs/a');
  expect(JSON.parse(readFileSync(at('lock'), 'utf8')).pid).toBe(process.pid);
  expect(readdirSync(home)).toEqual(['lock']);
});

it('of another host is refused, with host, process, age and what to do', () => {
  const other = { ...ended(), host: 'node-17' };
  writeFileSync(at('lock'), JSON.stringify(other));
  const hoursAgo = Date.now() / 1000 - 3 * 3600;
  utimesSync(at('lock'), hoursAgo, hoursAgo);
  const { message } = thrown(UserError, () => new Lock(at('lock'), 'runs/a'));
  expect(message).toContain(`runs/a is being written by process ${nobody} on node-17, for 3 h 00 min`);
  expect(message).toContain(`If you know that it has ended, remove ${at('lock')} and try again.`);
  expect(JSON.parse(readFileSync(at('lock'), 'utf8'))).toEqual(other);
});

it('stays with the process that took it after it was removed by hand', () => {
  const lock = new Lock(at('lock'), 'runs/a');
  const theirs = JSON.stringify({ ...ownerNow(), pid: 1 });
  writeFileSync(at('lock'), theirs);
  lock[Symbol.dispose]();
  expect(readFileSync(at('lock'), 'utf8')).toBe(theirs);
});

it('left by the dead goes to exactly one of several takers, in every round', { timeout: 120_000 }, async () => {
  const rounds = inTime(40, 250);
  for (let round = 0; round < rounds; round++) {
    const owner = ended();
    writeFileSync(at(`lock-${round}`), JSON.stringify(owner));
    // Every third time, somebody died while taking it over.
    if (round % 3 === 0) writeFileSync(at(`lock-${round}.${owner.token}`), JSON.stringify(ended()));
  }
  const taker = fileURLToPath(new URL('lock.testing.ts', import.meta.url));
  const takers = Array.from({ length: 4 }, () => spawn(process.execPath, [taker, home, String(rounds)]));
  const lines = takers.map((child) => createInterface(child.stdout)[Symbol.asyncIterator]());
  const answers = () => Promise.all(lines.map(async (each) => (await each.next()).value));
  try {
    expect(await answers()).toEqual(takers.map(() => 'ready'));
    for (let round = 0; round < rounds; round++) {
      writeFileSync(at(`go-${round}`), '');
      expect((await answers()).sort(), `round ${round}`).toEqual(['run-in-use', 'run-in-use', 'run-in-use', 'taken']);
      const left = readdirSync(home).filter((name) => name.startsWith(`lock-${round}.`));
      expect(left, `round ${round}`).toEqual([]);
      expect(existsSync(at(`lock-${round}`))).toBe(true);
    }
  } finally {
    for (const child of takers) child.kill('SIGKILL');
  }
});
