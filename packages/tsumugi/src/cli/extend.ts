// `tsumugi extend`: extends a trained model to long contexts.
import { extend, extendConfig, planExtend } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { folderOf } from './hub-folder.ts';
import { settingsOptions } from './settings.ts';
import { bitsText, checkPlan, madeModel, trainingOptions } from './training-command.ts';
import { trainingSettings } from './training-settings.ts';
import { trainOverRanks } from './with-mesh.ts';

export const run = defineCommand(
  {
    command: 'tsumugi extend',
    summary: 'extend a model to long contexts: window to full attention',
    options: {
      ...settingsOptions,
      model: {
        type: 'string',
        value: 'DIR|NAME',
        help: 'model to extend: a folder, or a name on the Hugging Face Hub',
      },
      data: { type: 'list', value: 'DIR', help: 'token shards ("tsumugi data prepare"), mixed evenly' },
      ...trainingOptions,
    },
    details: settingsHelp(extendConfig),
  },
  async (options, io) => {
    checkPlan(options);
    const { model, data, out } = options;
    const mix = data.length > 0 ? data.map((folder) => ({ data: folder })) : undefined;
    const settings = trainingSettings(extendConfig, 'extend', options, { model, mix, out });
    const config = { ...settings, model: await folderOf(settings.model, 'model', io) };
    return trainOverRanks(io, {
      command: 'tsumugi extend',
      options,
      out: config.out,
      plan: (how) => planExtend(config, how),
      train: (how) => extend(config, how),
      sentence({ before, after, folder }) {
        const { sequenceLength } = config.phases.at(-1)!;
        const bits = `${bitsText(before)} before, ${bitsText(after)} after`;
        return `held-out bits per character in rows of ${sequenceLength}: ${bits}${madeModel(folder, config.out)}`;
      },
    });
  },
);
