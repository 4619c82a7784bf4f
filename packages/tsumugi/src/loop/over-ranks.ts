// A run of several ranks: the first one has the folder, its log and the terminal; the others read what it decided.
import { setTimeout as sleep } from 'node:timers/promises';
import { outNotShared, SEEN_AFTER_SECONDS, TsumugiError, thrownText, UserError } from '../base/index.ts';
import { fromFirst, gatherJson, type Mesh, rankName } from '../mesh/index.ts';
import { type ProgressStream, RunFolder } from '../run/index.ts';
import { type LoadedCheckpoint, latestCheckpoint, loadCheckpoint } from '../store/index.ts';
import type { LoopOutput } from './loop.ts';

/** What `work` gives. When it fails, the other ranks are told why before they would wait for this one. */
export async function tellingOthers<T>(mesh: Mesh, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    mesh.giveUp(error instanceof TsumugiError ? error.fault : thrownText(error));
    throw error;
  }
}

/**
 * The run that `open` gives on the first rank; the others open it for reading.
 *
 * @throws UserError on a rank that does not see it: `out` is on a disk of another machine
 */
export async function openRunOverRanks(mesh: Mesh, out: string, open: () => RunFolder): Promise<RunFolder> {
  if (mesh.world === 1) return open();
  using run = new DisposableStack();
  const own = mesh.rank === 0 ? run.use(open()) : undefined;
  const created = fromFirst(mesh, own?.created);
  if (own) {
    run.move();
    return own;
  }
  const deadline = performance.now() + SEEN_AFTER_SECONDS * 1000;
  for (;;) {
    const seen = seenRun(out);
    if (seen?.created === created) return seen;
    if (performance.now() > deadline)
      throw outNotShared(`${rankName(mesh, mesh.rank)} does not see the run that ${rankName(mesh, 0)} has in ${out}`, {
        out,
        rank: mesh.rank,
      });
    await sleep(100);
  }
}

/**
 * The newest checkpoint of a run, opened on all ranks; undefined when there is none. They share the work of verifying it.
 *
 * @throws CheckpointError when it is damaged, UserError when the ranks do not see the same
 */
export function latestOverRanks(mesh: Mesh, { checkpoints }: RunFolder): LoadedCheckpoint | undefined {
  const latest = latestCheckpoint(checkpoints);
  const seen = gatherJson(mesh, latest?.step ?? null);
  const other = seen.findIndex((step) => step !== seen[0]);
  if (other >= 0) {
    const told = (rank: number) => {
      const what = seen[rank] === null ? 'no checkpoint' : `the checkpoint of step ${seen[rank]} as the newest`;
      return `${rankName(mesh, rank)} finds ${what}`;
    };
    throw outNotShared(`${told(0)} in ${checkpoints}, and ${told(other)}`, { path: checkpoints, steps: seen });
  }
  if (latest === undefined) return undefined;
  using loaded = new DisposableStack();
  const checkpoint = loaded.use(loadCheckpoint(latest, mesh));
  mesh.barrier().wait(); // all have verified their share
  loaded.move();
  return checkpoint;
}

/** What the first rank makes by itself; the others wait for it, so that they end as it ends. */
export function onFirst<T>(mesh: Mesh, work: () => T): void {
  if (mesh.rank === 0) work();
  mesh.barrier().wait();
}

function seenRun(out: string): RunFolder | undefined {
  try {
    return RunFolder.open(out);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The terminal of ranks other than the first: what they would say, the first one says. */
export const silentStream: ProgressStream = { write: () => true };

/** Their log, which the first one writes. */
export const noLog: LoopOutput['log'] & Disposable = {
  write() {},
  writeFailure() {},
  sync() {},
  [Symbol.dispose]() {},
};
