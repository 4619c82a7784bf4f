// The importance matrix of an export: from a file, or measured with a text.
import { ConfigError, FormatError } from '../../../base/index.ts';
import type { Plamo2 } from '../../../lm/index.ts';
import type { Tokenizer } from '../../../text/index.ts';
import {
  calibrationTexts,
  collectActivations,
  type ImportanceMatrix,
  readImportance,
  writeImportance,
} from '../../importance/index.ts';
import type { ExportGgufConfig } from './config.ts';
import type { PlannedTensor } from './plan.ts';
import { tensorMap } from './tensor-map.ts';

export interface ImportanceHooks {
  onText?: ((done: number, total: number) => Promise<void> | void) | undefined;
}

/**
 * @returns the matrix, or undefined when none is asked for
 * @throws ConfigError when both are given, DataError and FormatError for files that are no text or no matrix
 */
export async function importanceOf(
  model: Plamo2,
  tokenizer: Tokenizer,
  { imatrix, text, calibrationTokens, saveImatrix }: ExportGgufConfig,
  { onText }: ImportanceHooks = {},
): Promise<ImportanceMatrix | undefined> {
  if (imatrix !== undefined && text.length > 0)
    throw new ConfigError('two-importances', 'an importance matrix and a text to measure one with were given', {
      remedy: 'Give one of --imatrix and --text.',
    });
  if (imatrix !== undefined) return readImportance(imatrix);
  if (text.length === 0) return undefined;
  const texts = await calibrationTexts(text, tokenizer, { maxTokens: calibrationTokens });
  const { means, tokens } = await collectActivations(model, texts, { onText: (done) => onText?.(done, texts.length) });
  const matrix = { means: byGgufName(model, means), tokens, texts: text };
  if (saveImatrix !== undefined) await writeImportance(saveImatrix, matrix);
  return matrix;
}

/** From paths in the model to names in the file; an untied embedding is looked up, not multiplied. */
function byGgufName({ config }: Plamo2, means: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  return new Map(
    tensorMap(config).flatMap(({ hf, gguf }) => {
      const mean = means.get(hf.replace(/\.weight$/, ''));
      return mean ? [[gguf, mean] as const] : [];
    }),
  );
}

/** The importance of a tensor's input channels. @throws FormatError when the matrix is another model's */
export function importanceFor(matrix: ImportanceMatrix | undefined, tensor: PlannedTensor): Float32Array | undefined {
  const { gguf, shape } = tensor;
  // llama.cpp calls a tied head by the head's name.
  const mean =
    matrix?.means.get(gguf) ?? (gguf === 'token_embd.weight' ? matrix?.means.get('output.weight') : undefined);
  if (!tensor.matrix || mean === undefined || mean.length === shape.at(-1)) return mean;
  throw new FormatError(
    'imatrix-shape',
    `the importance matrix has ${mean.length} channels for "${gguf}", and the model has ${shape.at(-1)}`,
    { remedy: 'It belongs to another model: measure one with --text.', fields: { tensor: gguf } },
  );
}
