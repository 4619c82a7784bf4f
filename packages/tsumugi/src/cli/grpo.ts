// `tsumugi grpo`: teaches a model by rewards of its own answers.
import { grpoRunConfig, openAnswerScorer, taskPromptsFile } from '../stages/index.ts';
import { grpo, planGrpo } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { adapterOptions, checkNoMerge, withMergedAdapters } from './merge-adapters.ts';
import { settingsOptions } from './settings.ts';
import { checkPlan, endPlan, endTraining, madeModel, trainingOptions } from './training-command.ts';
import { tuningOptions, tuningSettings } from './tuning-command.ts';

export const run = defineCommand(
  {
    command: 'tsumugi grpo',
    summary: 'teach a model by rewards of its own answers',
    options: {
      ...settingsOptions,
      model: tuningOptions.model,
      data: {
        type: 'list',
        value: 'FILE',
        help: 'prompts, jsonl or parquet, with the right answers (those of --task when left out)',
      },
      task: { type: 'string', value: 'NAME', help: 'evaluation task whose score is the reward' },
      rewardModel: { type: 'string', value: 'DIR', help: 'reward model ("tsumugi reward") that gives the reward' },
      template: tuningOptions.template,
      ...adapterOptions,
      ...trainingOptions,
    },
    details: settingsHelp(grpoRunConfig),
  },
  async (options, io) => {
    checkPlan(options);
    const { data, task, rewardModel, noMerge } = options;
    const score = task !== undefined ? 'task' : rewardModel !== undefined ? 'reward' : undefined;
    const files = data.length > 0 ? data : task === undefined ? undefined : [await taskPromptsFile(task)];
    const config = await tuningSettings(grpoRunConfig, 'grpo', options, io, { data: files, task, rewardModel, score });
    checkNoMerge(config, noMerge);
    using scorer = await openAnswerScorer(config);
    if (options.plan) return endPlan(io, options, await planGrpo(config, scorer, { stream: io.stderr }));
    const learned = await grpo(config, { scorer, resume: options.resume, stream: io.stderr });
    const result = await withMergedAdapters(learned, config, noMerge, io);
    return endTraining(io, 'tsumugi grpo', { ...options, out: config.out }, result, ({ before, after, folder }) => {
      const [from, to] = [before, after].map((each) => each?.reward.toFixed(3) ?? '–');
      return `mean reward on held-out prompts from ${from} to ${to}${madeModel(folder, config.out)}`;
    });
  },
);
