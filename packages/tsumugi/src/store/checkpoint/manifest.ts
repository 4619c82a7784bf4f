// The manifest of a checkpoint, and what it takes for a folder to be one: a folder `step-000001200` whose
// `manifest.json`, written last, lists every other file with its size and SHA-256. Since version 2 a group of tensors may lie in a file
// for each process that wrote it (`model-00001-of-00004.safetensors`), and a tensor in pieces of several of them.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError, sha256File, TsumugiError } from '../../base/index.ts';
import { readJson } from '../json.ts';

export const MANIFEST_FILE = 'manifest.json';
export const STATE_FILE = 'state.json';
export const TENSORS_SUFFIX = '.safetensors';

const manifestSchema = z.strictObject({
  format: z.literal('tsumugi-checkpoint'),
  version: z.union([z.literal(1), z.literal(2)]),
  step: z.int().nonnegative(),
  score: z.number().nullable(),
  files: z.array(
    z.strictObject({
      name: z.string().regex(/^[\w-]+\.(safetensors|json)$/),
      bytes: z.int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A complete checkpoint on disk. */
export interface Checkpoint {
  readonly path: string;
  readonly step: number;
  /** What `best` compares, or null. */
  readonly score: number | null;
  readonly files: Manifest['files'];
}

export const checkpointName = (step: number): string => `step-${String(step).padStart(9, '0')}`;

/**
 * The manifest of `path`. @throws CheckpointError when it is missing or invalid: the checkpoint is incomplete.
 */
export function readCheckpoint(path: string): Checkpoint {
  const incomplete = (problem: string, cause?: unknown) =>
    new CheckpointError('incomplete-checkpoint', `${path} is not a complete checkpoint: ${problem}`, {
      remedy: 'Name another checkpoint folder (step-…).',
      fields: { file: path },
      cause,
    });
  const file = join(path, MANIFEST_FILE);
  if (!existsSync(file)) throw incomplete(`it has no ${MANIFEST_FILE}`);
  try {
    const { step, score, files } = readJson(file, manifestSchema);
    return { path, step, score, files };
  } catch (error) {
    if (!(error instanceof TsumugiError)) throw error;
    throw incomplete(error.message, error);
  }
}

/** The complete checkpoints in a folder, by step. Others are ignored, also when the folder does not exist. */
export function listCheckpoints(folder: string): Checkpoint[] {
  if (!existsSync(folder)) return [];
  const found: Checkpoint[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!/^step-\d{9,}$/.test(name)) continue;
    try {
      const checkpoint = readCheckpoint(join(folder, name));
      if (checkpointName(checkpoint.step) === name) found.push(checkpoint);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
  }
  return found.sort((a, b) => a.step - b.step);
}

/** Which of several processes that read a checkpoint together this is: each looks at the content of its share of the files. */
export interface Reader {
  readonly rank: number;
  readonly world: number;
}

/**
 * Checks every file of a checkpoint: its size, and, of those that `reader` has the share of, its content.
 *
 * @throws CheckpointError naming the file that is missing or damaged
 */
export function verifyCheckpoint(checkpoint: Checkpoint, reader?: Reader): void {
  for (const [i, { name, bytes, sha256 }] of checkpoint.files.entries()) {
    const isRead = reader !== undefined && i % reader.world === reader.rank;
    const file = join(checkpoint.path, name);
    const found = statSync(file, { throwIfNoEntry: false });
    let problem: string | undefined;
    if (!found?.isFile()) problem = 'is missing';
    else if (found.size !== bytes) problem = `has ${found.size} bytes instead of ${bytes}`;
    else if (isRead && sha256File(file) !== sha256) problem = 'was changed after it was written (SHA-256 differs)';
    if (problem)
      throw new CheckpointError('damaged-checkpoint', `the checkpoint is damaged: ${file} ${problem}`, {
        remedy: `Remove ${checkpoint.path} to go on from the checkpoint before it.`,
        fields: { file, step: checkpoint.step },
      });
  }
}
