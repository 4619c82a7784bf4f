// `tsumugi extend`: extends a trained model to long contexts.
import { signalExitCode } from '../base/index.ts';
import { extend, extendConfig, planExtend } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { resumeCommand } from './command-line.ts';
import { folderOf } from './hub-folder.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';
import { describeSettings, given, readSettingsFile, settingsOptions } from './settings.ts';
import { trainingSettings, whatCame } from './training-settings.ts';
import { withoutEffect } from './without-effect.ts';

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
      out: { type: 'string', value: 'DIR', help: 'run folder' },
      resume: { type: 'boolean', help: 'go on with the run in --out, or begin it when there is none' },
      plan: { type: 'boolean', help: 'print what would be trained and what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details: `Settings for --config and --set:\n${formatRows(describeSettings(extendConfig))}`,
  },
  async (options, io) => {
    if (options.plan) withoutEffect('--plan prints and ends', { resume: options.resume });
    const { model, data, out } = options;
    const file = options.config === undefined ? {} : readSettingsFile(options.config);
    const mix = data.length > 0 ? data.map((folder) => ({ data: folder })) : undefined;
    const settings = trainingSettings(extendConfig, 'extend', {
      set: options.set,
      resume: options.resume,
      where: options.config,
      settings: { ...file, ...given({ model, mix, out }) },
    });
    const config = { ...settings, model: await folderOf(settings.model, 'model', io) };
    if (options.plan) {
      const forecast = await planExtend(config, { stream: io.stderr });
      if (options.json) await write(io.stdout, `${JSON.stringify(forecast)}\n`);
      return 0;
    }
    const result = await extend(config, { resume: options.resume, stream: io.stderr });
    if (options.json) {
      await write(io.stdout, `${JSON.stringify(result)}\n`);
    } else if (!result.interrupted) {
      const bits = (evaluation: { bitsPerCharacter: number } | undefined) =>
        evaluation?.bitsPerCharacter.toFixed(3) ?? '–';
      const { sequenceLength } = config.phases.at(-1)!;
      await write(
        io.stdout,
        `held-out bits per character in rows of ${sequenceLength}: ${bits(result.before)} before, ` +
          `${bits(result.after)} after${whatCame(result.folder, config.out)}\n`,
      );
    }
    if (!result.interrupted) return 0;
    io.stderr.write(`saved; go on with: ${resumeCommand('tsumugi extend', config.out, options.json)}\n`);
    return signalExitCode();
  },
);
