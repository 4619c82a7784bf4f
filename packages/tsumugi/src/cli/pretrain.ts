// `tsumugi pretrain`: trains a model from the beginning on token shards.
import { signalExitCode } from '../base/index.ts';
import { preset, presetNames } from '../lm/index.ts';
import { planPretrain, pretrain, pretrainConfig } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { resumeCommand } from './command-line.ts';
import { folderOf } from './hub-folder.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';
import { describeSettings, given, readSettingsFile, settingsOptions } from './settings.ts';
import { tokenizerOption } from './tokenizer-option.ts';
import { trainingSettings, whatCame } from './training-settings.ts';
import { withoutEffect } from './without-effect.ts';

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
      data: { type: 'string', value: 'DIR', help: 'token shards ("tsumugi data prepare")' },
      tokenizer: { type: 'string', value: 'PATH|NAME', help: tokenizerOption.help },
      out: { type: 'string', value: 'DIR', help: 'run folder' },
      resume: { type: 'boolean', help: 'go on with the run in --out, or begin it when there is none' },
      plan: { type: 'boolean', help: 'print what would be trained and what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details: `Settings for --config and --set:\n${formatRows(describeSettings(pretrainConfig))}\n\n${describeModels()}`,
  },
  async (options, io) => {
    if (options.plan) withoutEffect('--plan prints and ends', { resume: options.resume });
    const { data, tokenizer, out } = options;
    const file = options.config === undefined ? {} : readSettingsFile(options.config);
    const settings = trainingSettings(pretrainConfig, 'pretrain', {
      set: options.set,
      resume: options.resume,
      where: options.config,
      settings: { ...file, ...given({ data, tokenizer, out }) },
    });
    const config = { ...settings, tokenizer: await folderOf(settings.tokenizer, 'tokenizer', io) };
    if (options.plan) {
      const forecast = await planPretrain(config, { stream: io.stderr });
      if (options.json) await write(io.stdout, `${JSON.stringify(forecast)}\n`);
      return 0;
    }
    const result = await pretrain(config, { resume: options.resume, stream: io.stderr });
    if (options.json) {
      await write(io.stdout, `${JSON.stringify(result)}\n`);
    } else if (!result.interrupted) {
      const bits = (evaluation: { bitsPerCharacter: number } | undefined) =>
        evaluation?.bitsPerCharacter.toFixed(3) ?? '–';
      await write(
        io.stdout,
        `held-out bits per character: ${bits(result.before)} before, ${bits(result.after)} after${whatCame(result.folder, config.out)}\n`,
      );
    }
    if (!result.interrupted) return 0;
    io.stderr.write(`saved; go on with: ${resumeCommand('tsumugi pretrain', config.out, options.json)}\n`);
    return signalExitCode();
  },
);
