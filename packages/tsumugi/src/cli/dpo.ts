// `tsumugi dpo`: teaches a model which of two answers is better.
import { dpo, dpoConfig, planDpo } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { adapterOptions, checkNoMerge, withMergedAdapters } from './merge-adapters.ts';
import { settingsOptions } from './settings.ts';
import { checkPlan, madeModel, trainingOptions } from './training-command.ts';
import { percent, tuningOptions, tuningSettings } from './tuning-command.ts';
import { trainOverRanks } from './with-mesh.ts';

export const run = defineCommand(
  {
    command: 'tsumugi dpo',
    summary: 'teach a model which answers are better: DPO, H-DPO, KTO and others',
    options: {
      ...settingsOptions,
      model: tuningOptions.model,
      data: {
        type: 'list',
        value: 'FILE',
        help: 'pairs, jsonl or parquet: prompt, chosen, rejected; for kto also prompt, completion, label',
      },
      template: tuningOptions.template,
      ...adapterOptions,
      ...trainingOptions,
    },
    details: settingsHelp(dpoConfig),
  },
  async (options, io) => {
    checkPlan(options);
    const { noMerge } = options;
    const config = await tuningSettings(dpoConfig, 'dpo', options, io);
    checkNoMerge(config, noMerge);
    return trainOverRanks(io, {
      command: 'tsumugi dpo',
      options,
      out: config.out,
      plan: (how) => planDpo(config, how),
      train: (how) => dpo(config, how),
      finish: (learned, own) => withMergedAdapters(learned, config, noMerge, own),
      sentence({ before, after, folder }) {
        const right = `${percent(before?.accuracy)} before, ${percent(after?.accuracy)} after`;
        const what =
          config.loss === 'kto'
            ? 'held-out answers on their side of z₀'
            : 'held-out pairs whose chosen answer has the higher reward';
        return `${what}: ${right}${madeModel(folder, config.out)}`;
      },
    });
  },
);
