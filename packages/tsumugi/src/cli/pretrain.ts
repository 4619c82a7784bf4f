// `tsumugi pretrain`: trains a model from the beginning on token shards.
import { preset, presetNames } from '../lm/index.ts';
import { planPretrain, pretrain, pretrainConfig } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { folderOf } from './hub-folder.ts';
import { formatRows } from './options.ts';
import { settingsOptions } from './settings.ts';
import { tokenizerOption } from './tokenizer-option.ts';
import { bitsText, checkPlan, dataOption, madeModel, trainingOptions } from './training-command.ts';
import { trainingSettings } from './training-settings.ts';
import { trainOverRanks } from './with-mesh.ts';

/** Presets, and the keys that --set modelChanges.KEY=VALUE takes, with what the default preset has. */
function describeModels(): string {
  const rows = Object.entries(preset('mini')).map(([key, value]) => [key, JSON.stringify(value)] as const);
  return `Presets (model): ${presetNames.join(', ')}\n\nKeys of modelChanges, e.g. --set modelChanges.num_hidden_layers=2, and their values in "mini":\n${formatRows(rows)}`;
}

export const run = defineCommand(
  {
    command: 'tsumugi pretrain',
    summary: 'train a model from the beginning',
    options: {
      ...settingsOptions,
      data: dataOption,
      tokenizer: { type: 'string', value: 'PATH|NAME', help: tokenizerOption.help },
      ...trainingOptions,
    },
    details: `${settingsHelp(pretrainConfig)}\n${describeModels()}`,
  },
  async (options, io) => {
    checkPlan(options);
    const { data, tokenizer, out } = options;
    const settings = trainingSettings(pretrainConfig, 'pretrain', options, { data, tokenizer, out });
    const config = { ...settings, tokenizer: await folderOf(settings.tokenizer, 'tokenizer', io) };
    return trainOverRanks(io, {
      command: 'tsumugi pretrain',
      options,
      out: config.out,
      plan: (how) => planPretrain(config, how),
      train: (how) => pretrain(config, how),
      sentence({ before, after, folder }) {
        const bits = `${bitsText(before)} before, ${bitsText(after)} after`;
        return `held-out bits per character: ${bits}${madeModel(folder, config.out)}`;
      },
    });
  },
);
