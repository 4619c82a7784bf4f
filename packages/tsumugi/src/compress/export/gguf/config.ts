// What an export to GGUF, and an import from it, can be told.
import { z } from 'zod';
import { type GgufFileType, ggufFileTypes } from './types.ts';

const count = z.int().positive();
const path = z.string().min(1);

export const exportGgufConfig = z.strictObject({
  model: path.describe('model folder to export'),
  out: path.describe('the GGUF file to write'),
  type: z
    .enum(ggufFileTypes as unknown as [GgufFileType, ...GgufFileType[]])
    .default('Q4_K_M')
    .describe('type of the weights'),
  context: count
    .optional()
    .describe('longest text in tokens, as the file says; what the attention window allows when left out'),
  imatrix: path.optional().describe('importance matrix of ours or of llama.cpp'),
  text: z.array(path).default([]).describe('text to measure an importance matrix with'),
  calibrationTokens: count.default(65_536).describe('tokens of it that are read at most'),
  saveImatrix: path.optional().describe('where to keep the importance matrix that was measured'),
  gate: z.boolean().default(true).describe('compare the file with the model, and refuse it when they differ too much'),
});

export type ExportGgufConfig = z.output<typeof exportGgufConfig>;
export type ExportGgufInput = z.input<typeof exportGgufConfig>;

export const importGgufConfig = z.strictObject({
  model: path.describe('GGUF file to import'),
  out: path.describe('model folder to write'),
});

export type ImportGgufConfig = z.output<typeof importGgufConfig>;
