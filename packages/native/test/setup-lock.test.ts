// The lock of the setup: one at a time, also when several find what a killed one left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownerNow, takeLock } from '../lib/setup-lock.js';

let home: string;
let takers: ChildProcess[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-setup-lock-'));
});
afterEach(() => {
  for (const child of takers) child.kill('SIGKILL');
  takers = [];
  rmSync(home, { recursive: true, force: true });
});

const lock = () => join(home, 'setup.lock');
const script = fileURLToPath(new URL('setup-lock-taker.ts', import.meta.url));
/** No process has this id: it is above Linux's largest. */
const ended = () => ({ ...ownerNow(), pid: 2 ** 22 + 1, started: '1' });

/** A setup that takes the lock, says so, and holds it until its input ends. */
function take() {
  const child = spawn(process.execPath, [script, lock()], { stdio: ['pipe', 'pipe', 'inherit'] });
  takers.push(child);
  const state = { child, holds: false, taken: Promise.resolve(), done: new Promise((end) => child.on('exit', end)) };
  state.taken = new Promise((resolve) => {
    child.stdout!.on('data', () => {
      state.holds = true;
      resolve();
    });
  });
  return state;
}

const sleep = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

it.each([
  ['free', () => {}],
  ['left by the dead', () => writeFileSync(lock(), JSON.stringify(ended()))],
  [
    'left by the dead, whom another who died was removing',
    () => {
      const owner = ended();
      writeFileSync(lock(), JSON.stringify(owner));
      writeFileSync(`${lock()}.${owner.token}`, JSON.stringify(ended()));
    },
  ],
])('%s, it goes to one after the other', { timeout: 60_000 }, async (_, prepare) => {
  prepare();
  const waiting = new Set(Array.from({ length: 4 }, take));
  while (waiting.size > 0) {
    await Promise.race([...waiting].map(({ taken }) => taken));
    await sleep(60);
    const holders = [...waiting].filter(({ holds }) => holds);
    expect(holders).toHaveLength(1);
    expect(JSON.parse(readFileSync(lock(), 'utf8')).pid).toBe(holders[0]!.child.pid);
    holders[0]!.child.stdin!.end();
    await holders[0]!.done;
    waiting.delete(holders[0]!);
  }
  expect(readdirSync(home)).toEqual([]);
});

it('is taken from one that was killed, and never from one that may be alive elsewhere', {
  timeout: 60_000,
}, async () => {
  const first = take();
  await first.taken;
  const second = take();
  await sleep(400);
  expect(second.holds).toBe(false);
  first.child.kill('SIGKILL');
  await second.taken;
  second.child.kill('SIGTERM');
  expect(await second.done).toBe(143);
  expect(existsSync(lock())).toBe(false);
  for (const other of [{ ...ended(), host: 'elsewhere' }, { ...ended(), namespace: 'pid:[1]' }, 'no owner at all']) {
    writeFileSync(lock(), JSON.stringify(other));
    const third = take();
    await sleep(500);
    expect(third.holds).toBe(false);
    expect(JSON.parse(readFileSync(lock(), 'utf8'))).toEqual(other);
    rmSync(lock()); // by hand, as it says
    await third.taken;
    third.child.kill('SIGKILL');
    await third.done;
    rmSync(lock());
  }
});

it('is let go of before the process ends, which then leaves signals to others again', async () => {
  const listeners = () => (['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'] as const).map((name) => process.listenerCount(name));
  const before = listeners();
  const release = await takeLock(lock(), () => {});
  expect(existsSync(lock())).toBe(true);
  expect(listeners()).toEqual(before.map((n) => n + 1));
  release();
  expect(readdirSync(home)).toEqual([]);
  expect(listeners()).toEqual(before);
});

it('is taken at once where the process id is used again, or the machine was started anew', async () => {
  for (const other of [{ started: '1' }, { boot: 'an earlier one' }]) {
    writeFileSync(lock(), JSON.stringify({ ...ownerNow(), ...other }));
    const release = await takeLock(lock(), (who) => {
      throw new Error(`waits for ${who}`);
    });
    release();
    expect(readdirSync(home)).toEqual([]);
  }
});

it('that somebody else has by now is left to them', async () => {
  const release = await takeLock(lock(), () => {});
  writeFileSync(lock(), JSON.stringify(ownerNow()));
  release();
  expect(existsSync(lock())).toBe(true);
});

it('says who is waited for, and what to do where nobody can tell whether they live', async () => {
  const told = async (other: object) => {
    const said: string[] = [];
    writeFileSync(lock(), JSON.stringify({ ...ownerNow(), ...other }));
    const release = await takeLock(lock(), (who) => {
      said.push(who);
      rmSync(lock(), { force: true });
    });
    release();
    return said;
  };
  expect(await told({})).toEqual([`process ${process.pid}`]);
  expect(await told({ host: 'elsewhere', pid: 7 })).toEqual([
    `process 7 on elsewhere; if it has ended, remove ${lock()}`,
  ]);
});
