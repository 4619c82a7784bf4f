// What a run of a pipeline is given besides its settings, how far it is, and the folder it writes to.
import { existsSync, readdirSync } from 'node:fs';
import { DataError, type OptionNames } from '../../base/index.ts';
import type { Backend } from '../../eval/index.ts';

export interface PipelineRun {
  /** Answers it all. It stays open. */
  backend: Backend;
  /** The folder of the run: `examples/` is what it makes, `report/` what became of the rows, `answers/` what was answered. */
  out: string;
  /** What paths in the settings are relative to. Default: the working folder. */
  folder?: string | undefined;
  /** Whether to ask once more for what failed. */
  retryFailed?: boolean | undefined;
  /** The recipe's name, for lineage; the folder is then its stage's, and may hold more. */
  recipe?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: PipelineProgress) => void) | undefined;
}

export const runOptions: OptionNames<PipelineRun> = {
  backend: true,
  out: true,
  folder: true,
  retryFailed: true,
  recipe: true,
  signal: true,
  onProgress: true,
};

export interface PipelineProgress {
  /** Rows of the input that are through, and that there are. */
  readonly done: number;
  readonly rows: number;
  /** Answers so far: asked for now, known from before, failed now. */
  readonly asked: number;
  readonly known: number;
  readonly failed: number;
  /** Tokens read and written, also by earlier runs. */
  readonly tokens: number;
  /** How much is done, those on their way with their share: 0 to 1. */
  readonly fraction: number;
}

const ours = new Set(['answers', 'failures.jsonl', 'examples', 'report']);

/** @throws DataError for a folder that holds something else */
export function requirePlace(out: string): void {
  const names = existsSync(out) ? readdirSync(out) : [];
  const other = names.find((name) => !ours.has(name));
  if (other === undefined || names.includes('answers')) return;
  throw new DataError('place-taken', `${out} holds something else: ${other}`, {
    remedy: 'Name another folder to write to.',
    fields: { path: out },
  });
}
