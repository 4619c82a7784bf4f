// `tsumugi reward`: teaches a model to give answers a reward.
import { planReward, reward, rewardConfig } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { settingsOptions } from './settings.ts';
import { checkPlan, madeModel, trainingOptions } from './training-command.ts';
import { percent, tuningOptions, tuningSettings } from './tuning-command.ts';
import { trainOverRanks } from './with-mesh.ts';

export const run = defineCommand(
  {
    command: 'tsumugi reward',
    summary: 'make a reward model, which gives answers a number, from pairs',
    options: {
      ...settingsOptions,
      model: tuningOptions.model,
      data: { type: 'list', value: 'FILE', help: 'pairs, jsonl or parquet: prompt, chosen, rejected (and margin)' },
      template: tuningOptions.template,
      lora: { type: 'integer', min: 1, value: 'RANK', help: 'train low-rank adapters of this rank, and merge them' },
      ...trainingOptions,
    },
    details: settingsHelp(rewardConfig),
  },
  async (options, io) => {
    checkPlan(options);
    const config = await tuningSettings(rewardConfig, 'reward', options, io);
    return trainOverRanks(io, {
      command: 'tsumugi reward',
      options,
      out: config.out,
      plan: (how) => planReward(config, how),
      train: (how) => reward(config, how),
      sentence({ before, after, folder }) {
        const right = `${percent(before?.accuracy)} before, ${percent(after?.accuracy)} after`;
        const margin = after === undefined ? '' : `, by ${after.margin.toFixed(3)} on average`;
        return `held-out pairs whose chosen answer has the higher reward: ${right}${margin}${madeModel(folder, config.out)}`;
      },
    });
  },
);
