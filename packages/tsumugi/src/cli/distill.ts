// `tsumugi distill`: trains a model towards a larger one.
import { signalExitCode } from '../base/index.ts';
import { distill, distillConfig, planDistill } from '../train/index.ts';
import { defineCommand, type Run } from './command.ts';
import { resumeCommand } from './command-line.ts';
import { logits } from './distill-logits.ts';
import { folderOf } from './hub-folder.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';
import { describeSettings, given, readSettingsFile, settingsOptions } from './settings.ts';
import { trainingSettings, whatCame } from './training-settings.ts';
import { withoutEffect } from './without-effect.ts';

const train = defineCommand(
  {
    command: 'tsumugi distill',
    summary: 'train a model towards a larger one: its logits, its hidden states',
    options: {
      ...settingsOptions,
      teacher: {
        type: 'string',
        value: 'DIR|NAME',
        help: 'model to learn from: a folder, or a name on the Hugging Face Hub',
      },
      model: {
        type: 'string',
        value: 'DIR|NAME',
        help: 'model that learns: a folder, or a name on the Hugging Face Hub',
      },
      data: { type: 'string', value: 'DIR', help: 'token shards ("tsumugi data prepare")' },
      out: { type: 'string', value: 'DIR', help: 'run folder' },
      resume: { type: 'boolean', help: 'go on with the run in --out, or begin it when there is none' },
      plan: { type: 'boolean', help: 'print what would be trained and what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details:
      `Settings for --config and --set:\n${formatRows(describeSettings(distillConfig))}\n` +
      'To compute what the teacher says once, and keep it: tsumugi distill logits --help.',
  },
  async (options, io) => {
    if (options.plan) withoutEffect('--plan prints and ends', { resume: options.resume });
    const { teacher, model, data, out } = options;
    const file = options.config === undefined ? {} : readSettingsFile(options.config);
    const settings = trainingSettings(distillConfig, 'distill', {
      set: options.set,
      resume: options.resume,
      where: options.config,
      settings: { ...file, ...given({ teacher, model, data, out }) },
    });
    const config = {
      ...settings,
      ...(settings.teacher !== undefined && { teacher: await folderOf(settings.teacher, 'model', io) }),
      model: await folderOf(settings.model, 'model', io),
    };
    if (options.plan) {
      const forecast = await planDistill(config, { stream: io.stderr });
      if (options.json) await write(io.stdout, `${JSON.stringify(forecast)}\n`);
      return 0;
    }
    const result = await distill(config, { resume: options.resume, stream: io.stderr });
    if (options.json) {
      await write(io.stdout, `${JSON.stringify(result)}\n`);
    } else if (!result.interrupted) {
      const { before, after } = result;
      const from = (metric: 'kl' | 'bitsPerCharacter') =>
        `from ${before?.[metric]?.toFixed(3) ?? '–'} to ${after?.[metric]?.toFixed(3) ?? '–'}`;
      const kl = before?.kl === undefined ? '' : `KL to the teacher ${from('kl')}, `;
      await write(
        io.stdout,
        `${kl}held-out bits per character ${from('bitsPerCharacter')}` + `${whatCame(result.folder, config.out)}\n`,
      );
    }
    if (!result.interrupted) return 0;
    io.stderr.write(`saved; go on with: ${resumeCommand('tsumugi distill', config.out, options.json)}\n`);
    return signalExitCode();
  },
);

export const run: Run = (args, io) => (args[0] === 'logits' ? logits(args.slice(1), io) : train(args, io));
