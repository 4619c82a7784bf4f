// `tsumugi sft`: teaches a model to answer, from examples.
import { planSft, sft, sftConfig } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { adapterOptions, checkNoMerge, withMergedAdapters } from './merge-adapters.ts';
import { settingsOptions } from './settings.ts';
import { showExamples } from './sft-show.ts';
import { checkPlan, madeModel, trainingOptions } from './training-command.ts';
import { percent, tuningOptions, tuningSettings } from './tuning-command.ts';
import { trainOverRanks } from './with-mesh.ts';
import { withoutEffect } from './without-effect.ts';

export const run = defineCommand(
  {
    command: 'tsumugi sft',
    summary: 'teach a model to answer, from examples',
    options: {
      ...settingsOptions,
      model: tuningOptions.model,
      data: { type: 'list', value: 'FILE', help: 'examples, jsonl or parquet' },
      template: tuningOptions.template,
      ...adapterOptions,
      show: { type: 'integer', min: 1, value: 'N', help: 'print N examples, with what is learned marked, and stop' },
      ...trainingOptions,
    },
    details: settingsHelp(sftConfig),
  },
  async (options, io) => {
    checkPlan(options);
    const { show, noMerge } = options;
    if (show !== undefined) withoutEffect('--show prints and ends', { resume: options.resume, plan: options.plan });
    const config = await tuningSettings(sftConfig, 'sft', options, io, {}, show === undefined ? {} : { out: '.' });
    checkNoMerge(config, noMerge);
    if (show !== undefined) return await showExamples(io, config, show, options.json);
    return trainOverRanks(io, {
      command: 'tsumugi sft',
      options,
      out: config.out,
      plan: (how) => planSft(config, how),
      train: (how) => sft(config, how),
      finish: (tuned, own) => withMergedAdapters(tuned, config, noMerge, own),
      sentence({ before, after, folder }) {
        const loss = `from ${before?.crossEntropy.toFixed(3) ?? '–'} to ${after?.crossEntropy.toFixed(3) ?? '–'}`;
        const right = `${percent(before?.accuracy)} of them right before, ${percent(after?.accuracy)} after`;
        return `held-out loss of an answer's token ${loss}, ${right}${madeModel(folder, config.out)}`;
      },
    });
  },
);
