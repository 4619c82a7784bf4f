// Writing checkpoints: each is complete or invisible. A folder of checkpoints has one writer at a time.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fsyncPath, invariant, makeFolder, writingAt } from '../../base/index.ts';
import { renderJson } from '../json.ts';
import { OutputFile, type WrittenFile } from '../output-file.ts';
import { type NamedTensor, writeSafetensors } from '../safetensors/index.ts';
import {
  type Checkpoint,
  checkpointName,
  HIDDEN,
  listCheckpoints,
  MANIFEST_FILE,
  type Manifest,
  MOVED,
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

/** Hidden first, so that a kill in the middle does not leave a damaged checkpoint to be seen. */
function remove(folder: string, { path, step }: Checkpoint): void {
  const hidden = join(folder, HIDDEN + checkpointName(step));
  rmSync(hidden, { recursive: true, force: true });
  renameSync(path, hidden);
  rmSync(hidden, { recursive: true, force: true });
}

/**
 * Writes the checkpoint of a step into `folder/step-…`: first under a hidden name, every file flushed to the disk, the
 * manifest last; then the folder is renamed. A checkpoint of the same step is replaced, and checkpoints of later steps are
 * removed: they belong to a continuation that this run did not take (it went on from an earlier one).
 */
export function saveCheckpoint(folder: string, step: number, content: CheckpointContent): Checkpoint {
  invariant(Number.isSafeInteger(step) && step >= 0, `checkpoint of step ${step}`);
  const state = renderJson(encodeState(content.state));
  const path = join(folder, checkpointName(step));
  const temporary = join(folder, HIDDEN + checkpointName(step));
  const moved = join(folder, MOVED + checkpointName(step));
  if (makeFolder(folder)) fsyncPath(dirname(folder));
  return writingAt(path, () => writeCheckpoint({ folder, path, temporary, moved }, step, state, content));
}

function writeCheckpoint(
  { folder, path, temporary, moved }: Readonly<Record<'folder' | 'path' | 'temporary' | 'moved', string>>,
  step: number,
  state: string,
  content: CheckpointContent,
): Checkpoint {
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  try {
    const written: WrittenFile[] = [];
    for (const [group, tensors] of Object.entries(content.tensors)) {
      invariant(/^[\w-]+$/.test(group), `"${group}" cannot name a file`);
      written.push(writeSafetensors(join(temporary, group + TENSORS_SUFFIX), tensors));
    }
    written.push(writeText(join(temporary, STATE_FILE), state));
    const files = written.map(({ path: file, bytes, sha256 }) => ({
      name: file.slice(temporary.length + 1),
      bytes,
      sha256,
    }));
    const score = Number.isFinite(content.score) ? content.score! : null;
    const manifest: Manifest = { format: 'tsumugi-checkpoint', version: 1, step, score, files };
    writeText(join(temporary, MANIFEST_FILE), renderJson(manifest));
    if (existsSync(path)) renameSync(path, moved);
    renameSync(temporary, path);
    fsyncPath(folder);
    rmSync(moved, { recursive: true, force: true });
    for (const later of listCheckpoints(folder)) if (later.step > step) remove(folder, later);
    return { path, step, score, files };
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (existsSync(moved) && !existsSync(path)) renameSync(moved, path);
    rmSync(moved, { recursive: true, force: true });
    throw error;
  }
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
  if (found) remove(folder, found);
}

/**
 * Removes what a killed writer left unfinished. Call it before the first save of a process; nobody else may be writing.
 * Returns how many folders it removed.
 */
export function cleanCheckpoints(folder: string): number {
  if (!existsSync(folder)) return 0;
  let removed = 0;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(MOVED)) {
      // Killed between the two renames of a replacement: the old one is still the one of its step.
      const place = join(folder, name.slice(MOVED.length));
      if (!existsSync(place)) {
        renameSync(join(folder, name), place);
        continue;
      }
    } else if (!name.startsWith(HIDDEN)) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
    removed++;
  }
  return removed;
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
  for (const checkpoint of removed) remove(folder, checkpoint);
  return removed.map(({ step }) => step);
}
