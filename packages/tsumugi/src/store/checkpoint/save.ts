// Writing checkpoints: each is complete or invisible. A folder of checkpoints has one writer at a time.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  fsyncPath,
  invariant,
  makeFolder,
  removeUnfinished,
  StagedFolder,
  unfinishedFolder,
  writingAt,
} from '../../base/index.ts';
import { renderJson } from '../json.ts';
import { OutputFile, type WrittenFile } from '../output-file.ts';
import { type NamedTensor, writeSafetensors } from '../safetensors/index.ts';
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

export interface CheckpointContent {
  /** Groups of named tensors (model, optimizer, …); each becomes a safetensors file of that name. */
  tensors: Readonly<Record<string, Iterable<NamedTensor>>>;
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
 */
export function saveCheckpoint(folder: string, step: number, content: CheckpointContent): Checkpoint {
  invariant(Number.isSafeInteger(step) && step >= 0, `checkpoint of step ${step}`);
  const state = renderJson(encodeState(content.state));
  const path = join(folder, checkpointName(step));
  if (makeFolder(folder)) fsyncPath(dirname(folder));
  return writingAt(path, () => {
    using staged = new StagedFolder(path, () => true);
    const written: WrittenFile[] = [];
    for (const [group, tensors] of Object.entries(content.tensors)) {
      invariant(/^[\w-]+$/.test(group), `"${group}" cannot name a file`);
      written.push(writeSafetensors(join(staged.path, group + TENSORS_SUFFIX), tensors));
    }
    written.push(writeText(join(staged.path, STATE_FILE), state));
    const files = written.map(({ path: file, bytes, sha256 }) => ({ name: basename(file), bytes, sha256 }));
    const score = Number.isFinite(content.score) ? content.score! : null;
    const manifest: Manifest = { format: 'tsumugi-checkpoint', version: 1, step, score, files };
    writeText(join(staged.path, MANIFEST_FILE), renderJson(manifest));
    staged.commit();
    for (const later of listCheckpoints(folder)) if (later.step > step) remove(later);
    return { path, step, score, files };
  });
}

/** Gives a checkpoint the score that was measured after it was saved. Its other files stay as they are. */
export function scoreCheckpoint(folder: string, step: number, score: number): void {
  const path = join(folder, checkpointName(step));
  const { files } = readCheckpoint(path);
  const manifest: Manifest = { format: 'tsumugi-checkpoint', version: 1, step, score, files };
  writeText(join(path, MANIFEST_FILE), renderJson(manifest));
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
