// `tsumugi export`: a model for other programs.
import { defineCommand } from './command.ts';
import { exportToHf } from './export-hf.ts';

export const run = defineCommand(
  {
    command: 'tsumugi export',
    summary: 'write a model for other programs',
    options: {
      model: {
        type: 'string',
        value: 'DIR|NAME',
        required: true,
        hub: 'model',
        help: 'model folder, or a name on the Hugging Face Hub',
      },
      format: { type: 'choice', choices: ['hf'], required: true, help: 'hf: a folder for the Hugging Face Hub' },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder to write' },
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
    details: 'See docs/export.md.',
  },
  (options, io) => exportToHf(options, io),
);
