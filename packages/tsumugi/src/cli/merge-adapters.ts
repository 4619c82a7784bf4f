// After a training of adapters: they are merged into the model they are for, unless they are to stay by themselves.
import { join } from 'node:path';
import { mergeAdapter } from '../compress/index.ts';
import { codeCommit } from '../run/index.ts';
import type { TrainResult } from '../train/index.ts';
import { DEQUANTIZED } from './adapter-options.ts';
import type { Io } from './io.ts';
import { withoutEffect } from './without-effect.ts';

export const adapterOptions = {
  lora: { type: 'integer', min: 1, value: 'RANK', help: 'train low-rank adapters of this rank, and merge them' },
  noMerge: { type: 'boolean', help: 'leave the adapters as they are, in OUT/adapter' },
} as const;

/** @throws ConfigError for --no-merge where there are no adapters */
export function checkNoMerge(config: { lora?: number | undefined }, noMerge: boolean): void {
  if (config.lora === undefined) withoutEffect('there are no adapters (--lora)', { noMerge });
}

/** The result of a training, with the merged model in the place of the adapters. @throws UserError `parity-gate` */
export async function withMergedAdapters<E>(
  trained: TrainResult<E>,
  config: { lora?: number | undefined; model: string; out: string },
  noMerge: boolean,
  io: Io,
): Promise<TrainResult<E>> {
  if (config.lora === undefined || trained.folder === undefined || noMerge) return trained;
  const folder = join(config.out, 'model');
  const { dequantized } = await mergeAdapter(trained.folder, folder, { base: config.model, commit: codeCommit() });
  if (dequantized) io.stderr.write(`${DEQUANTIZED}\n`);
  return { ...trained, folder };
}
