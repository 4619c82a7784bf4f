// `tsumugi score`: the log-probability of each next token of given ids. Other programs measure with it, so its output must not change:
// float32 unless asked otherwise.
import { tokenLogprobs } from '../lm/index.ts';
import { adaptedOptions, modelFolder, openModel } from './adapter-options.ts';
import { defineCommand } from './command.ts';
import { answerLines, integersField } from './json-lines.ts';
import { chooseDevice } from './model-options.ts';

export const run = defineCommand(
  {
    command: 'tsumugi score',
    summary: 'log-probabilities of given tokens',
    options: {
      ...adaptedOptions,
      dtype: { ...adaptedOptions.dtype, default: 'float32', help: 'compute in this type' },
      json: { type: 'boolean', help: 'no difference: the output is JSON lines anyway' },
    },
    details:
      'Reads JSON lines {"ids": […]} from standard input, and writes {"logprobs": […]} for each to standard output: the\n' +
      'natural logarithm of the probability of each next token, one fewer than ids. With "documents", a list that gives\n' +
      'each id the number of its document, the documents of a pack do not see each other.',
  },
  async (options, io) => {
    const { device, dtype } = options;
    const folder = await modelFolder('tsumugi score', options, io);
    using model = await openModel(folder, options, { device: chooseDevice(device), dtype });
    await answerLines(io, '{"ids": […]}', (record) => {
      const documents = record['documents'] === undefined ? undefined : integersField(record, 'documents');
      const logprobs = tokenLogprobs(model, integersField(record, 'ids'), { documents });
      return `{"logprobs":[${logprobs.join(',')}]}`;
    });
  },
);
