// What the stages share in a dry run: tiny models, one step, a few tokens. The code of the stages is their own.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, UserError } from '../base/index.ts';
import type { Plamo2Config } from '../lm/index.ts';
import { metric, type StageOutcome } from '../recipe/index.ts';
import type { ProgressStream } from '../run/index.ts';
import { hasCuda } from '../torch/index.ts';

/** The shape of every model of a dry run. Wide enough for the blocks of every kind of quantization that ours are rounded to. */
export const tinyShape = {
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size_per_head: 16,
  mamba_num_heads: 4,
  mamba_d_state: 8,
  attention_window_size: 32,
  mamba_chunk_size: 16,
} satisfies Partial<Plamo2Config>;

type Target = Readonly<Record<string, unknown>>;
const shapeKeys = [
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'mamba_num_heads',
] as const;

/** What a shape that is asked for becomes: of every key that is there, the tiny model's so many times. */
export const tinyTarget = (target: Target, times: number): object =>
  Object.fromEntries(
    shapeKeys.filter((key) => target[key] !== undefined).map((key) => [key, Math.floor(tinyShape[key] * times)]),
  );

export const TINY_VOCABULARY = 400;
export const TINY_TOKENS = 32;
/** Held-out tokens that are measured. */
export const FEW_TOKENS = 512;
/** Of documents and packages: of so few, a twentieth may be none. */
export const tinyHeldOut = (fraction: number): number => (fraction === 0 ? 0 : 0.3);

/** Settings of a training that takes one step. Gradients that are gathered over many small batches are gathered over two. */
export const oneStep = ({ device, gradientAccumulation }: { device: string; gradientAccumulation: number }) => ({
  steps: 1,
  epochs: undefined,
  batchSize: 2,
  gradientAccumulation: Math.min(gradientAccumulation, 2),
  evaluateEvery: 0,
  checkpointEvery: 0,
  keepSteps: [],
  device: deviceHere(device),
});

/** Settings of a training on rows of examples that takes one step, whatever length the rows have in a tiny model's tokenizer. */
export const oneTuningStep = (config: { device: string; gradientAccumulation: number }) => ({
  ...oneStep(config),
  tooLong: 'drop' as const,
  loraLayers: undefined,
});

/** Rows of examples that are learned from, and measured, in a dry run. */
export const FEW_ROWS = 16;

/** Leaves a file of JSON lines its first few. */
export function keepFew(file: string): void {
  const lines = readFileSync(file, 'utf8').split('\n');
  if (lines.length > FEW_ROWS) writeFileSync(file, `${lines.slice(0, FEW_ROWS).join('\n')}\n`);
}

/** A GPU where there is one. */
export const deviceHere = (device: string): string => (device.startsWith('cuda') && !hasCuda() ? 'cpu' : device);

const standIns = Array.from({ length: 8 }, (_, i) => ({ prompt: `${i}`, chosen: `${i + 1}`, rejected: `${i + 2}` }));

/**
 * Pairs where a stage ends with the error that it made none, since a tiny model's answers or a few rows gave none: the stages after it
 * run on these. @throws any other error
 */
export function standInPairs(
  file: string,
  stream: ProgressStream,
  { error, code }: { error: unknown; code: string },
): StageOutcome {
  if (!(error instanceof UserError) || error.code !== code) throw error;
  makeFolder(dirname(file));
  writeFileSync(file, standIns.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  const [why] = error.message.split('\n');
  stream.write(`  ${why}; as this is a dry run, ${standIns.length} pairs that mean nothing stand in\n`);
  return { metrics: [metric('examples', standIns.length)] };
}
