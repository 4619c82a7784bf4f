// Writing checkpoints: each is complete or invisible. A folder of checkpoints has one writer at a time, or several processes that write
// each checkpoint together.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  fsyncPath,
  invariant,
  makeFolder,
  removeUnfinished,
  StagedFolder,
  unfinishedFolder,
} from '../../base/index.ts';
import { renderJson } from '../json.ts';
import { OutputFile, type WrittenFile } from '../output-file.ts';
import { writeSafetensors } from '../safetensors/index.ts';
import { piecesMetadata } from './joined.ts';
import {
  type Checkpoint,
  checkpointName,
  listCheckpoints,
  MANIFEST_FILE,
  type Manifest,
  readCheckpoint,
  STATE_FILE,
  TENSORS_SUFFIX,
} from './manifest.ts';
import { encodeState, type State } from './state.ts';
import { onEach, requireSeen, requireWhole } from './together.ts';
import { alone, type Groups, groupOf, partName, shareOut, type Writers } from './writers.ts';

export interface CheckpointContent {
  /** Groups of named tensors (model, optimizer, …); each becomes a safetensors file of that name, or one for each writer. */
  tensors: Groups;
  /** Of several writers, that of the first is kept. */
  state: State;
  /** What to compare checkpoints by (a held-out loss, say), for keeping the best. */
  score?: number | undefined;
}

function writeText(path: string, text: string): WrittenFile {
  using output = new OutputFile(path);
  output.write(Buffer.from(text));
  return output.commit();
}

/** Renamed first, so that a kill in the middle does not leave a damaged checkpoint to be seen. */
function remove({ path }: Checkpoint): void {
  const hidden = unfinishedFolder(path);
  renameSync(path, hidden);
  rmSync(hidden, { recursive: true, force: true });
}

/**
 * Writes the checkpoint of a step into `folder/step-…`: first under another name, every file flushed to the disk, the
 * manifest last; then the folder is renamed. A checkpoint of the same step is replaced, and checkpoints of later steps are
 * removed: they belong to a continuation that this run did not take (it went on from an earlier one).
 *
 * Of several writers, which all call this, each writes its share; the first writes the manifest and renames. None returns before the
 * checkpoint is complete, and when one of them cannot write, all throw.
 */
export function saveCheckpoint(
  folder: string,
  step: number,
  content: CheckpointContent,
  writers: Writers = alone,
): Checkpoint {
  invariant(Number.isSafeInteger(step) && step >= 0, `checkpoint of step ${step}`);
  const path = join(folder, checkpointName(step));
  const score = Number.isFinite(content.score) ? content.score! : null;
  let staged: StagedFolder | undefined;
  const inStep = <T>(work: () => T) => onEach(writers, path, work, () => staged?.[Symbol.dispose]());
  const [name] = inStep(() => {
    if (writers.rank > 0) return '';
    if (makeFolder(folder)) fsyncPath(dirname(folder));
    staged = new StagedFolder(path, () => true);
    return basename(staged.path);
  });
  const place = join(folder, name!);
  const names = new Map<string, string[]>();
  const written = inStep(() => writeShare(place, content, names, writers));
  const files = written.flat();
  inStep(() => {
    if (!staged) return;
    if (writers.world > 1) requireWhole(place, written, names, writers);
    writeManifest(place, { step, score, files });
    staged.commit();
    for (const later of listCheckpoints(folder)) if (later.step > step) remove(later);
  });
  return { path, step, score, files };
}

/** Writes this writer's files; `names` become those of all tensors that it knows of. */
function writeShare(
  place: string,
  { tensors, state }: CheckpointContent,
  names: Map<string, string[]>,
  writers: Writers,
): Manifest['files'] {
  const encoded = renderJson(encodeState(state));
  if (writers.rank > 0) requireSeen(place, writers);
  const written: WrittenFile[] = [];
  for (const [group, share] of shareOut(tensors, writers)) {
    invariant(/^[\w-]+$/.test(group) && groupOf(group) === group, `"${group}" cannot name a file`);
    names.set(group, share.names);
    // A group without tensors is a group, too.
    if (share.tensors.length === 0 && writers.rank > 0) continue;
    const file = join(place, partName(group, writers) + TENSORS_SUFFIX);
    written.push(writeSafetensors(file, share.tensors, piecesMetadata(share.pieces)));
  }
  if (writers.rank === 0) written.push(writeText(join(place, STATE_FILE), encoded));
  return written.map(({ path: file, bytes, sha256 }) => ({ name: basename(file), bytes, sha256 }));
}

const writeManifest = (folder: string, about: Pick<Manifest, 'step' | 'score' | 'files'>) =>
  writeText(join(folder, MANIFEST_FILE), renderJson({ format: 'tsumugi-checkpoint', version: 2, ...about }));

/** Gives a checkpoint the score that was measured after it was saved. Its other files stay as they are. */
export function scoreCheckpoint(folder: string, step: number, score: number): void {
  const path = join(folder, checkpointName(step));
  const { files } = readCheckpoint(path);
  writeManifest(path, { step, score, files });
}

/** Removes the checkpoint of a step that turned out to be of no use. */
export function removeCheckpoint(folder: string, step: number): void {
  const found = listCheckpoints(folder).find((checkpoint) => checkpoint.step === step);
  if (found) remove(found);
}

/**
 * Removes what a killed writer left unfinished. Call it before the first save of a process; nobody else may be writing.
 * Returns how many folders it removed.
 */
export function cleanCheckpoints(folder: string): number {
  return existsSync(folder) ? removeUnfinished(folder) : 0;
}

export interface Retention {
  /** Steps whose checkpoints are kept whatever comes later. */
  keepSteps?: readonly number[] | undefined;
  /** How many of the newest to keep, at least 1. */
  keepLast: number;
  /** Also keep the one with the lowest or highest score. */
  best?: 'lowest' | 'highest' | undefined;
}

/** The checkpoint with the lowest or highest score, the newest of equals; undefined when none has a score. */
export function bestCheckpoint(folder: string, best: 'lowest' | 'highest'): Checkpoint | undefined {
  const sign = best === 'lowest' ? 1 : -1;
  let found: Checkpoint | undefined;
  for (const checkpoint of listCheckpoints(folder)) {
    if (checkpoint.score === null) continue;
    if (found === undefined || sign * checkpoint.score <= sign * found.score!) found = checkpoint;
  }
  return found;
}

/** Removes the checkpoints that `retention` does not keep. Returns their steps. */
export function pruneCheckpoints(folder: string, { keepLast, best, keepSteps = [] }: Retention): number[] {
  invariant(keepLast >= 1, 'keepLast must be at least 1');
  const all = listCheckpoints(folder);
  const keep = new Set([...keepSteps, ...all.slice(-keepLast).map(({ step }) => step)]);
  const winner = best && bestCheckpoint(folder, best);
  if (winner) keep.add(winner.step);
  const removed = all.filter(({ step }) => !keep.has(step));
  for (const checkpoint of removed) remove(checkpoint);
  return removed.map(({ step }) => step);
}
