// What several writers of a checkpoint do at the same time, so that it comes to the same end on all of them.
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  explained,
  invariant,
  outNotShared,
  SEEN_AFTER_SECONDS,
  TsumugiError,
  thrownText,
  UserError,
} from '../../base/index.ts';
import { openJoined } from './joined.ts';
import { type Manifest, TENSORS_SUFFIX } from './manifest.ts';
import { groupOf, type Writers } from './writers.ts';

type Outcome<T> = { value?: T; problem?: undefined } | { problem: string };

/**
 * What `work` gives on each writer, by rank, once all have come to its end. When one of them fails, all throw: that one its own
 * error, the others one that tells it; `undo` is called before. It is not called when a writer is lost: it may still be at work.
 *
 * @param place what is written, for messages
 */
export function onEach<T>(writers: Writers, place: string, work: () => T, undo: () => void): T[] {
  let own: Outcome<T>;
  let failure: { error: unknown } | undefined;
  try {
    own = { value: work() };
  } catch (thrown) {
    const error = explained(thrown, place);
    failure = { error };
    own = { problem: error instanceof TsumugiError ? error.fault : thrownText(error) };
  }
  const outcomes = writers.gather(own);
  const failed = outcomes.findIndex(({ problem }) => problem !== undefined);
  if (failed < 0) return outcomes.map((outcome) => (outcome as { value: T }).value);
  undo();
  if (failure) throw failure.error;
  throw new UserError('save-failed', `${writers.nameOf(failed)} could not save: ${outcomes[failed]!.problem}`, {
    remedy: 'Mend that, and start all ranks again with --resume to go on from the last checkpoint.',
    fields: { rank: failed, path: place },
  });
}

/** Waits until the folder that the first writer made can be seen. @throws UserError when it cannot */
export function requireSeen(folder: string, writers: Writers): void {
  const deadline = performance.now() + SEEN_AFTER_SECONDS * 1000;
  while (!isSeen(folder)) {
    if (performance.now() > deadline)
      throw outNotShared(
        `${writers.nameOf(writers.rank)} does not see ${folder}, which ${writers.nameOf(0)} has made`,
        { path: folder, rank: writers.rank },
      );
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

/** Folders above are listed, since network file systems remember for a while that something was not there, until they are. */
function isSeen(folder: string): boolean {
  if (statSync(folder, { throwIfNoEntry: false })) return true;
  for (let above = dirname(folder), levels = 0; levels < 2; above = dirname(above), levels++)
    if (statSync(above, { throwIfNoEntry: false })) readdirSync(above);
  return statSync(folder, { throwIfNoEntry: false }) !== undefined;
}

/**
 * What the first writer looks at before it calls a checkpoint complete: every file of every writer is there, and together they
 * hold the tensors.
 *
 * @param written files of each writer
 * @param names tensors of each group, as the first writer knows them
 */
export function requireWhole(
  folder: string,
  written: readonly Manifest['files'][],
  names: ReadonlyMap<string, readonly string[]>,
  writers: Writers,
): void {
  for (const [rank, files] of written.entries())
    for (const { name, bytes } of files) {
      const found = statSync(join(folder, name), { throwIfNoEntry: false });
      if (found?.size === bytes) continue;
      const problem = found ? `has ${found.size} bytes instead of ${bytes}` : 'is not there';
      throw outNotShared(
        `${writers.nameOf(rank)} wrote ${name} of a checkpoint in ${dirname(folder)}, and for ${writers.nameOf(0)} it ${problem}`,
        { path: folder, file: name, rank },
      );
    }
  const files = written.flat().flatMap(({ name }) => (name.endsWith(TENSORS_SUFFIX) ? [name] : []));
  for (const [group, wanted] of names) {
    const own = files.filter((name) => groupOf(basename(name, TENSORS_SUFFIX)) === group);
    using found = openJoined(folder, own.map((name) => join(folder, name))); // biome-ignore format: one line
    for (const name of wanted) invariant(found.has(name), `"${name}" of the group "${group}" was written by nobody`);
  }
}
