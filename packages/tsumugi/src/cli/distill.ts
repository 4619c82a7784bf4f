// `tsumugi distill`: trains a model towards a larger one.
import { distill, distillConfig, planDistill } from '../train/index.ts';
import { defineCommand, type Run } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { logits, teacherOption } from './distill-logits.ts';
import { folderOf } from './hub-folder.ts';
import { settingsOptions } from './settings.ts';
import { bitsText, checkPlan, dataOption, madeModel, trainingOptions } from './training-command.ts';
import { trainingSettings } from './training-settings.ts';
import { trainOverRanks } from './with-mesh.ts';

const train = defineCommand(
  {
    command: 'tsumugi distill',
    summary: 'train a model towards a larger one: its logits, its hidden states',
    options: {
      ...settingsOptions,
      teacher: teacherOption,
      model: {
        type: 'string',
        value: 'DIR|NAME',
        help: 'model that learns: a folder, or a name on the Hugging Face Hub',
      },
      data: dataOption,
      ...trainingOptions,
    },
    details:
      `${settingsHelp(distillConfig)}\n` +
      'To compute what the teacher says once, and keep it: tsumugi distill logits --help.',
  },
  async (options, io) => {
    checkPlan(options);
    const { teacher, model, data, out } = options;
    const settings = trainingSettings(distillConfig, 'distill', options, { teacher, model, data, out });
    const config = {
      ...settings,
      ...(settings.teacher !== undefined && { teacher: await folderOf(settings.teacher, 'model', io) }),
      model: await folderOf(settings.model, 'model', io),
    };
    return trainOverRanks(io, {
      command: 'tsumugi distill',
      options,
      out: config.out,
      plan: (how) => planDistill(config, how),
      train: (how) => distill(config, how),
      sentence({ before, after, folder }) {
        const kl =
          before?.kl === undefined
            ? ''
            : `KL to the teacher from ${before.kl.toFixed(3)} to ${after?.kl?.toFixed(3) ?? '–'}, `;
        const bits = `from ${bitsText(before)} to ${bitsText(after)}`;
        return `${kl}held-out bits per character ${bits}${madeModel(folder, config.out)}`;
      },
    });
  },
);

export const run: Run = (args, io) => (args[0] === 'logits' ? logits(args.slice(1), io) : train(args, io));
