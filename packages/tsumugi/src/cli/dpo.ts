// `tsumugi dpo`: teaches a model which of two answers is better.
import { signalExitCode } from '../base/index.ts';
import { dpo, dpoConfig, planDpo } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { adapterOptions, checkNoMerge, withMergedAdapters } from './merge-adapters.ts';
import { settingsOptions } from './settings.ts';
import { checkPlan, endTraining, madeModel, trainingOptions } from './training-command.ts';
import { percent, tuningOptions, tuningSettings } from './tuning-command.ts';
import { planOverRanks, withMesh } from './with-mesh.ts';

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
    if (options.plan) return planOverRanks(io, options, (plan) => planDpo(config, plan));
    return withMesh(io, async (mesh, own) => {
      const learned = await dpo(config, { resume: options.resume, stream: own.stderr, mesh });
      if (mesh.rank > 0) return signalExitCode();
      const result = await withMergedAdapters(learned, config, noMerge, own);
      return endTraining(own, 'tsumugi dpo', { ...options, out: config.out }, result, ({ before, after, folder }) => {
        const right = `${percent(before?.accuracy)} before, ${percent(after?.accuracy)} after`;
        const what =
          config.loss === 'kto'
            ? 'held-out answers on their side of z₀'
            : 'held-out pairs whose chosen answer has the higher reward';
        return `${what}: ${right}${madeModel(folder, config.out)}`;
      });
    });
  },
);
