// Reading checkpoints: sizes and hashes are verified, and damage is named, never loaded.
import { basename, join } from 'node:path';
import { z } from 'zod';
import { CheckpointError, checkOptions, type OptionNames, steady } from '../../base/index.ts';
import { type Json, readJson } from '../json.ts';
import type { Safetensors } from '../safetensors/index.ts';
import { openJoined } from './joined.ts';
import {
  type Checkpoint,
  listCheckpoints,
  type Reader,
  readCheckpoint,
  STATE_FILE,
  TENSORS_SUFFIX,
  verifyCheckpoint,
} from './manifest.ts';
import { decodeState, type State } from './state.ts';
import { groupOf } from './writers.ts';

/** A checkpoint whose files were verified. Disposing it forgets the files; tensors taken from it stay valid. */
export class LoadedCheckpoint implements Disposable {
  readonly checkpoint: Checkpoint;
  readonly state: State;
  readonly #groups = new Map<string, Safetensors>();

  /** Use `loadCheckpoint`, which verifies first. */
  constructor(checkpoint: Checkpoint) {
    this.checkpoint = checkpoint;
    this.state = decodeState(readJson(join(checkpoint.path, STATE_FILE), z.unknown()) as Json);
    const parts = checkpoint.files.flatMap(({ name }) => (name.endsWith(TENSORS_SUFFIX) ? [name] : []));
    const files = Map.groupBy(parts, (name) => groupOf(basename(name, TENSORS_SUFFIX)));
    for (const [group, names] of files)
      this.#groups.set(group, openJoined(checkpoint.path, names.map((name) => join(checkpoint.path, name)))); // biome-ignore format: one line
  }

  get step(): number {
    return this.checkpoint.step;
  }

  /** The names of the groups of tensors. */
  get groups(): string[] {
    return [...this.#groups.keys()];
  }

  /** A group's tensors, whole ones, whoever wrote which piece. @throws CheckpointError when there is no such group. */
  tensors(group: string): Safetensors {
    const found = this.#groups.get(group);
    if (!found)
      throw new CheckpointError('no-such-group', `${this.checkpoint.path} holds no "${group}" tensors`, {
        remedy: `It holds: ${this.groups.join(', ') || 'none'}.`,
        fields: { file: this.checkpoint.path },
      });
    return found;
  }

  /** The state, checked. @throws CheckpointError when it is not what `schema` says: it was saved by something else */
  stateAs<T>(schema: z.ZodType<T>): T {
    const { success, data, error } = schema.safeParse(this.state);
    if (success) return data;
    const { path, message } = error.issues[0]!;
    throw new CheckpointError(
      'bad-state',
      `the state in ${this.checkpoint.path} is not one of this run: ${path.join('.') || 'all of it'}: ${message}`,
      { remedy: 'It was saved by another program or version: begin anew in another --out.', fields: { path } },
    );
  }

  [Symbol.dispose](): void {
    for (const group of this.#groups.values()) group.close();
  }
}

/**
 * Opens a checkpoint after verifying the size and SHA-256 of every file.
 *
 * @param reader of several processes that open it: then each verifies the content of its share
 * @throws CheckpointError naming the file that is missing or damaged
 */
export function loadCheckpoint(
  checkpoint: Checkpoint | string,
  reader: Reader = { rank: 0, world: 1 },
): LoadedCheckpoint {
  const complete = typeof checkpoint === 'string' ? readCheckpoint(checkpoint) : checkpoint;
  verifyCheckpoint(complete, reader);
  return new LoadedCheckpoint(complete);
}

export interface LatestOptions {
  /** Go on to the checkpoint before a damaged one, with a warning, instead of throwing. */
  fallback?: boolean;
  /** Where warnings go; standard error unless given. */
  warn?: (message: string) => void;
}

const latestOptions: OptionNames<LatestOptions> = { fallback: true, warn: true };

const toStandardError = (message: string): void => {
  steady(process.stderr).write(`${message}\n`);
};

function newest<T>(folder: string, options: LatestOptions, use: (checkpoint: Checkpoint) => T): T | undefined {
  checkOptions('loadLatestCheckpoint', options, latestOptions);
  const { fallback = false, warn = toStandardError } = options;
  for (const checkpoint of listCheckpoints(folder).reverse()) {
    try {
      return use(checkpoint);
    } catch (error) {
      if (!fallback || !(error instanceof CheckpointError)) throw error;
      warn(`warning: ${error.message.split('\n', 1)[0]}; trying the checkpoint before it`);
    }
  }
  return undefined;
}

/**
 * The newest complete checkpoint, its files' sizes verified (not their content); undefined when there is none.
 * Unfinished ones are ignored.
 *
 * @throws CheckpointError naming a file that is missing or has the wrong size, unless `fallback`
 */
export function latestCheckpoint(folder: string, options: LatestOptions = {}): Checkpoint | undefined {
  return newest(folder, options, (checkpoint) => {
    verifyCheckpoint(checkpoint);
    return checkpoint;
  });
}

/** Opens the newest complete checkpoint, everything verified. Otherwise as `latestCheckpoint`. */
export function loadLatestCheckpoint(folder: string, options: LatestOptions = {}): LoadedCheckpoint | undefined {
  return newest(folder, options, (checkpoint) => loadCheckpoint(checkpoint));
}
