// One setup at a time for a folder of builds. The same mechanism as the lock of run folders (packages/tsumugi/src/run/lock.ts,
// which says why it is safe), in plain JavaScript because nothing is installed yet, and with waiting in place of refusing: a
// hard link, which exactly one process can make, and a right to remove the lock of token T, which is a lock itself.
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { constants, hostname } from 'node:os';
import { dirname } from 'node:path';

/** @typedef {{ token: string, pid: number, host: string, boot: string, namespace: string, started: string }} Owner */

/** @param {() => string} read */
function told(read) {
  try {
    return read().trim();
  } catch {
    return '';
  }
}

/** When a process started, in the kernel's ticks: process ids are used again. @param {number} pid */
const startOf = (pid) =>
  told(() => {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  });

/** @returns {Owner} */
export const ownerNow = () => ({
  token: randomUUID(),
  pid: process.pid,
  host: hostname(),
  boot: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
  namespace: told(() => readlinkSync('/proc/self/ns/pid')),
  started: startOf(process.pid),
});

/** The owner that a lock names; undefined when the lock is gone, null when it cannot be read. @param {string} path */
function readOwner(path) {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8'));
    const isOwner = Number.isInteger(owner?.pid) && owner.pid > 0 && /^[\w-]{36}$/.test(owner.token);
    return isOwner ? /** @type {Owner} */ (owner) : null;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT' ? undefined : null;
  }
}

/** Whether it is known that the owner's process has ended. @param {Owner | null} owner @param {Owner} here */
function hasEnded(owner, here) {
  if (!owner || owner.host !== here.host) return false;
  if (owner.boot !== here.boot) return owner.boot !== '' && here.boot !== '';
  if (owner.namespace !== here.namespace) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return true;
  }
  return owner.started !== startOf(owner.pid);
}

/** @param {string} path @param {string} token */
function letGo(path, token) {
  if (readOwner(path)?.token === token) rmSync(path, { force: true });
}

/**
 * Takes the lock at `path`, or says who holds it (null: somebody who cannot be named).
 * @param {string} path @param {Owner} here
 * @returns {{ taken: true } | { taken: false, holder: Owner | null }}
 */
function attempt(path, here) {
  const mine = `${path}.${here.token}`;
  try {
    // A link appears with its content: nobody can see a lock without its owner.
    writeFileSync(mine, JSON.stringify(here), { flush: true });
    for (;;) {
      try {
        linkSync(mine, path);
        return { taken: true };
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const holder = readOwner(path);
      if (holder === undefined) continue; // let go of meanwhile
      if (!holder || !hasEnded(holder, here)) return { taken: false, holder };
      const right = `${path}.${holder.token}`;
      const own = { ...here, token: randomUUID() };
      const asked = attempt(right, own);
      if (!asked.taken) return asked;
      letGo(path, holder.token);
      letGo(right, own.token);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * Holds the lock at `path` until it is let go, or the process ends.
 * @param {string} path @param {(who: string) => void} onWait told who is waited for, and what to do if that has ended
 * @returns {Promise<() => void>} lets go of it
 */
export async function takeLock(path, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  const here = ownerNow();
  for (;;) {
    const outcome = attempt(path, here);
    if (outcome.taken) break;
    const { holder } = outcome;
    const local = holder?.host === here.host && holder.namespace === here.namespace;
    const who = holder ? `process ${holder.pid}${local ? '' : ` on ${holder.host}`}` : 'which one cannot be read';
    onWait(local ? who : `${who}; if it has ended, remove ${path}`);
    await new Promise((wake) => setTimeout(wake, 200));
  }
  const release = () => letGo(path, here.token);
  const leave = (/** @type {NodeJS.Signals} */ signal) => process.exit(128 + constants.signals[signal]);
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  process.on('exit', release);
  for (const signal of signals) process.on(signal, leave);
  return () => {
    release();
    process.off('exit', release);
    for (const signal of signals) process.off(signal, leave);
  };
}
