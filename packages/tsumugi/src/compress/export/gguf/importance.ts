// The importance matrix of an export: from a file, or measured with a text.
import { ConfigError, FormatError, samePlace } from '../../../base/index.ts';
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
import { requireTarget } from './require-target.ts';
import { tensorMap } from './tensor-map.ts';
import type { GgufFileType } from './types.ts';

interface ImportanceHooks {
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
  if (imatrix !== undefined) return matched(readImportance(imatrix), imatrix, model);
  if (text.length === 0) return undefined;
  const texts = await calibrationTexts(text, tokenizer, { maxTokens: calibrationTokens });
  const { means, tokens } = await collectActivations(model, texts, { onText: (done) => onText?.(done, texts.length) });
  const matrix = { means: byGgufName(model, means), tokens, texts: text };
  if (saveImatrix !== undefined) await writeImportance(saveImatrix, matrix);
  return matrix;
}

/** @throws FormatError for a matrix that has nothing of the model */
function matched(matrix: ImportanceMatrix, path: string, { config }: Plamo2): ImportanceMatrix {
  const names = new Set([...tensorMap(config).flatMap(({ gguf, matrix }) => (matrix ? [gguf] : [])), 'output.weight']);
  const means = new Map([...matrix.means].filter(([name]) => names.has(name)));
  if (means.size > 0) return { ...matrix, means };
  const [first] = matrix.means.keys();
  throw new FormatError(
    'imatrix-names',
    `${path} is the importance matrix of another model: "${first}" is not in this one`,
    {
      remedy: 'Measure one of this model with --text.',
      fields: { path, tensor: first },
    },
  );
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

/** @throws ConfigError for what has no effect, or would be overwritten */
export function checkImportance({ type, imatrix, text, saveImatrix, out }: ExportGgufConfig): void {
  const asked = imatrix !== undefined || text.length > 0;
  if (asked && saveImatrix === undefined && isFloat(type))
    throw new ConfigError('no-effect', `${type} rounds each weight by itself: an importance matrix has no effect`, {
      remedy: `Leave ${imatrix === undefined ? '--text' : '--imatrix'} out, or choose a type of fewer bits.`,
      fields: { type },
    });
  if (saveImatrix === undefined) return;
  if (text.length === 0)
    throw new ConfigError('no-effect', 'there is no importance matrix to save: none is measured without a text', {
      remedy: 'Give a text (--text), or leave --save-imatrix out.',
      fields: { saveImatrix },
    });
  requireTarget(saveImatrix);
  if (samePlace(saveImatrix, out))
    throw new ConfigError('one-place', `${out} is to be both the model and the importance matrix`, {
      remedy: 'Name another file for --save-imatrix.',
      fields: { path: out },
    });
}

const isFloat = (type: GgufFileType): boolean => type === 'F32' || type === 'F16' || type === 'BF16';

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
