// What each process gets of this machine: threads, and cores of its own.
import { availableParallelism } from 'node:os';
import { canPin, ownCores, shareOf, writeCoreList } from './cores.ts';

export interface Shares {
  /** Threads of each process; as TSUMUGI_THREADS says where that is set. */
  threads: string;
  /** The cores of each process, as taskset takes them; undefined when processes are not pinned. */
  cores: string[] | undefined;
  /** What a person should know about it. */
  notes: string[];
}

/** Shares the machine out over `processes`. */
export function shareMachine(processes: number, pin: boolean): Shares {
  const notes: string[] = [];
  const parallel = availableParallelism();
  const own = pin ? ownCores() : undefined;
  const fewer = Math.min(parallel, own?.length ?? parallel) < processes;
  let cores: string[] | undefined;
  if (fewer)
    notes.push(
      `${processes} processes share ${parallel === 1 ? '1 core' : `${parallel} cores`}: they wait for each other`,
    );
  else if (own !== undefined && canPin(own))
    cores = Array.from({ length: processes }, (_, i) => writeCoreList(shareOf(own, i, processes)));
  else if (pin) notes.push('cores are not pinned: that takes taskset, of util-linux');
  const given = process.env['TSUMUGI_THREADS'] ?? '';
  return { threads: given === '' ? String(Math.max(1, Math.floor(parallel / processes))) : given, cores, notes };
}
