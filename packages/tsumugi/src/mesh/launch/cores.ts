// The cores of this machine, shared out over its processes. Only those count that the launcher itself may use: a container or Slurm
// may have given it some of them.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** "0-2,8" → 0, 1, 2, 8 */
export function readCoreList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    });
}

/** 0, 1, 2, 8 → "0-2,8" */
export function writeCoreList(cores: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const core of cores.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === core - 1) last[1] = core;
    else ranges.push([core, core]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * The cores that this process may use, neighbours beside each other: the threads of one core, then the cores of one socket. Systems
 * number all first threads before all second ones, so that halves of their own order would share every core. Undefined where the
 * system does not tell.
 */
export function ownCores(): number[] | undefined {
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status') ?? '')?.[1];
  if (allowed === undefined) return undefined;
  const place = (core: number, what: string) =>
    Number(read(`/sys/devices/system/cpu/cpu${core}/topology/${what}`) ?? 0);
  return readCoreList(allowed)
    .map((core) => ({ core, socket: place(core, 'physical_package_id'), physical: place(core, 'core_id') }))
    .sort((a, b) => a.socket - b.socket || a.physical - b.physical || a.core - b.core)
    .map(({ core }) => core);
}

/** Share `index` of `count`: neighbours, and none left over. Empty when there are fewer items than shares. */
export const shareOf = <T>(items: readonly T[], index: number, count: number): T[] =>
  items.slice(Math.floor((index * items.length) / count), Math.floor(((index + 1) * items.length) / count));

/** Whether `taskset` of util-linux is there and may do it (some sandboxes forbid it). */
export const canPin = (cores: readonly number[]): boolean =>
  spawnSync('taskset', ['-c', writeCoreList(cores), 'true'], { stdio: 'ignore' }).status === 0;
