// Who holds a lock, and whether that process is known to have ended. Only then may its lock be taken over: a process on another
// machine, or in another container, may well be alive.
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { isRunning, parseJson } from '../base/index.ts';

const ownerSchema = z.strictObject({
  /** Never the same twice. */
  token: z.uuid(),
  pid: z.int().positive(),
  host: z.string(),
  /** Ids of the machine, of its last boot, and of the namespace in which `pid` counts; null where the system does not tell. */
  machine: z.string().nullable(),
  boot: z.string().nullable(),
  namespace: z.string().nullable(),
  /** When the process started, in the kernel's ticks: process ids are used again. */
  started: z.string().nullable(),
});

export type Owner = z.output<typeof ownerSchema>;

const orNull = (read: () => string): string | null => {
  try {
    return read().trim() || null;
  } catch {
    return null;
  }
};

/** When a process started: field 22 of its line. The second field, its name in brackets, may hold spaces. */
const startOf = (pid: number): string | null =>
  orNull(() => {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  });

/** This process. */
export const ownerNow = (): Owner => ({
  token: randomUUID(),
  pid: process.pid,
  host: hostname(),
  machine: orNull(() => readFileSync('/etc/machine-id', 'utf8')),
  boot: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
  namespace: orNull(() => readlinkSync('/proc/self/ns/pid')),
  started: startOf(process.pid),
});

/** The owner that a lock names; undefined when the lock is gone, null when it cannot be read. */
export function readOwner(path: string): Owner | null | undefined {
  try {
    return ownerSchema.parse(parseJson(readFileSync(path, 'utf8')));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null;
  }
}

/** What is known of a lock's owner: that it runs, that it has ended, or neither. */
export function fateOf(owner: Owner | null, here: Owner = ownerNow()): 'runs' | 'ended' | 'unknown' {
  if (!owner || owner.host !== here.host || owner.machine !== here.machine) return 'unknown';
  // The process ended with the last boot. Without a machine id these may be two containers of one name.
  if (owner.boot !== here.boot) return owner.machine === null ? 'unknown' : 'ended';
  if (owner.namespace !== here.namespace) return 'unknown';
  if (!isRunning(owner.pid)) return 'ended';
  return owner.started !== null && owner.started !== startOf(owner.pid) ? 'ended' : 'runs';
}
