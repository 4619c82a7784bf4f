// What a folder of a teacher's logits holds: `manifest.json` says what they were computed from, and the SHA-256 of each file.
// `step-000000000.safetensors` has the rows of step 0, `held-out-000000000.safetensors` the first batch of held-out text: `indices` int32 [tokens, k], `logProbabilities` f32 [tokens, k + 1], the last that of
// all other tokens together.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DataError, FormatError } from '../base/index.ts';
import { canonicalJson, readJson } from '../store/index.ts';
import { count } from './common-config.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Everything on which the numbers depend, and for which rows they are. */
export const logitsOrigin = z.strictObject({
  /** By the hash of its files; the name is what it was called then. */
  teacher: z.strictObject({ name: z.string(), sha256 }),
  data: sha256,
  tokenizer: sha256,
  vocabularySize: count,
  topK: count,
  temperature: z.number().positive(),
  teacherDtype: z.enum(['float32', 'bfloat16']),
  sequenceLength: count,
  batchSize: count,
  gradientAccumulation: count,
  seed: z.int().nonnegative(),
  steps: count,
  /** Held-out tokens that are measured, in so many batches; what is said of them is at a temperature of 1. */
  evaluateTokens: count,
  heldOutBatches: z.int().nonnegative(),
});

const logitsManifest = logitsOrigin.extend({
  format: z.literal('tsumugi-teacher-logits'),
  version: z.literal(1),
  files: z.array(sha256),
});

export type LogitsOrigin = z.output<typeof logitsOrigin>;
export type LogitsManifest = z.output<typeof logitsManifest>;

export const LOGITS_MANIFEST = 'manifest.json';
/** The file of a part: the steps come first, then the batches of held-out text. */
export function logitsFile(part: number, { steps }: { steps: number }): string {
  const [name, index] = part < steps ? ['step', part] : ['held-out', part - steps];
  return `${name}-${String(index).padStart(9, '0')}.safetensors`;
}

export const partsOf = ({ steps, heldOutBatches }: Pick<LogitsOrigin, 'steps' | 'heldOutBatches'>): number =>
  steps + heldOutBatches;

/** @throws DataError when there is none, FormatError when it is malformed */
export function readLogitsManifest(folder: string): LogitsManifest {
  const path = join(folder, LOGITS_MANIFEST);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    const found = statSync(folder, { throwIfNoEntry: false });
    const fault = found ? `holds no teacher's logits: it has no ${LOGITS_MANIFEST}` : 'does not exist';
    throw new DataError('no-logits', `${folder} ${fault}`, {
      remedy: 'Compute them with "tsumugi distill logits"; what was cut off goes on there.',
      fields: { folder },
    });
  }
  const manifest = readJson(path, logitsManifest);
  if (manifest.files.length === partsOf(manifest)) return manifest;
  throw new FormatError(
    'malformed-manifest',
    `${path} names ${manifest.files.length} files of ${manifest.steps} steps and ${manifest.heldOutBatches} batches of held-out text`,
    {
      remedy: 'Remove the folder and compute the logits again.',
      fields: { path },
    },
  );
}

const words: Readonly<Record<string, string>> = {
  teacher: 'the teacher',
  data: 'the data',
  tokenizer: 'the tokenizer',
  vocabularySize: 'the vocabulary',
};

/** @throws DataError naming everything in which what is there differs from what is asked for */
export function requireSameOrigin(folder: string, there: LogitsOrigin, asked: Readonly<Record<string, unknown>>): void {
  const differences = Object.entries(asked).flatMap(([key, value]) => {
    const found = there[key as keyof LogitsOrigin];
    const [a, b] = [found, value].map((each) =>
      typeof each === 'object' ? (each as { sha256: string }).sha256 : each,
    );
    return a === b ? [] : [`${words[key] ?? key} was ${shown(a)} and is ${shown(b)}`];
  });
  if (differences.length === 0) return;
  throw new DataError('other-logits', `${folder} holds logits computed for something else: ${differences.join('; ')}`, {
    remedy: 'Distill with what they were computed with, or compute others in another folder.',
    fields: { folder, differences },
  });
}

const shown = (value: unknown): string =>
  sha256.safeParse(value).success ? `of SHA-256 ${String(value).slice(0, 12)}…` : (value ?? 'all tokens').toString();

/** What tells these logits from all others. */
export const logitsIdentity = (manifest: LogitsManifest): string => canonicalJson(manifest);
