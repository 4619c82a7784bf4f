// `tsumugi export`: a model for other programs, or from them.
import { statSync } from 'node:fs';
import { ggufFileTypes } from '../compress/index.ts';
import { defineCommand } from './command.ts';
import { exportToGguf } from './export-gguf.ts';
import { exportToHf } from './export-hf.ts';
import { importFromGguf } from './import-gguf.ts';
import { modelOptions } from './model-options.ts';
import { withoutEffect } from './without-effect.ts';

export const run = defineCommand(
  {
    command: 'tsumugi export',
    summary: 'write a model for other programs',
    options: {
      model: {
        ...modelOptions.model,
        help: 'model folder, or a name on the Hugging Face Hub; with hf, also a GGUF file',
      },
      format: {
        type: 'choice',
        choices: ['gguf', 'hf'],
        required: true,
        help: 'gguf: a file for llama.cpp; hf: a folder for the Hugging Face Hub',
      },
      out: { type: 'string', value: 'PATH', required: true, help: 'file (gguf) or folder (hf) to write' },
      type: { type: 'choice', choices: ggufFileTypes, help: 'gguf: type of the weights (default: Q4_K_M)' },
      context: {
        type: 'integer',
        min: 1,
        help: 'gguf: longest text in tokens (default: what the attention window allows)',
      },
      imatrix: { type: 'string', value: 'FILE', help: 'gguf: importance matrix of ours or of llama.cpp' },
      text: { type: 'list', value: 'PATH', help: 'gguf: text to measure an importance matrix with' },
      calibrationTokens: { type: 'integer', min: 1, help: 'gguf: tokens of it that are read (default: 65536)' },
      saveImatrix: { type: 'string', value: 'FILE', help: 'gguf: keep the importance matrix that was measured' },
      noGate: { type: 'boolean', help: 'gguf: do not compare the file with the model' },
      maxShardSize: {
        type: 'number',
        value: 'GB',
        min: 0.00001,
        help: 'hf: a file of weights has at most N GB (default 5)',
      },
      dtype: {
        type: 'choice',
        choices: ['float32', 'bfloat16'],
        help: 'hf: what the weights become (default: as they are)',
      },
      name: { type: 'string', value: 'OWNER/NAME', help: 'hf: name in the model card (default: that of the folder)' },
      licence: {
        type: 'string',
        value: 'ID',
        help: 'hf: licence in the model card (default: that of the models it is of)',
      },
      language: { type: 'list', value: 'CODE', help: 'hf: languages in the model card (default: as it was, or ja)' },
      evaluation: { type: 'list', value: 'FILE', help: 'hf: results of "tsumugi eval --out FILE" for the model card' },
      plan: { type: 'boolean', help: 'print what would be written and what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details:
      'A GGUF file is loaded by llama.cpp (node-llama-cpp, where it is installed) and compared with the model on fixed\n' +
      'Japanese prompts; it is refused when it goes on otherwise than its type explains. See docs/export.md.',
  },
  async (options, io) => {
    const { maxShardSize, dtype, name, licence, language, evaluation } = options;
    const ofFolders = { maxShardSize, dtype, name, licence, ...filled({ language, evaluation }) };
    if (options.format === 'gguf') {
      withoutEffect('it is an option of --format hf', ofFolders);
      return exportToGguf(options, io);
    }
    const { type, context, imatrix, text, calibrationTokens, saveImatrix, noGate } = options;
    const ofGguf = { type, context, imatrix, calibrationTokens, saveImatrix, noGate, ...filled({ text }) };
    withoutEffect('it is an option of --format gguf', ofGguf);
    if (!statSync(options.model, { throwIfNoEntry: false })?.isFile()) return exportToHf(options, io);
    withoutEffect('a GGUF file becomes a folder as it is', ofFolders);
    return importFromGguf(options, io);
  },
);

/** Lists that were given; the others as undefined. */
const filled = (lists: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.length > 0 ? list : undefined]));
