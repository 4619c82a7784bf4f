// `tsumugi distill logits`: what a teacher says of the rows of a distillation, kept on disk.
import { given, signalExitCode } from '../base/index.ts';
import { formatBytes, formatDuration, formatInteger } from '../run/index.ts';
import { logitsConfig, planPrecomputeLogits, precomputeLogits } from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { folderOf } from './hub-folder.ts';
import { write } from './io.ts';
import { ProgressLine } from './progress.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';
import { stoppable } from './stoppable.ts';
import { dataOption } from './training-command.ts';

export const teacherOption = {
  type: 'string',
  value: 'DIR|NAME',
  help: 'model to learn from: a folder, or a name on the Hugging Face Hub',
} as const;

export const logits = defineCommand(
  {
    command: 'tsumugi distill logits',
    summary: "keep a teacher's likeliest tokens on disk, to distill without it",
    options: {
      ...settingsOptions,
      teacher: teacherOption,
      data: dataOption,
      out: { type: 'string', value: 'DIR', help: 'folder for the logits' },
      plan: { type: 'boolean', help: 'check everything, print what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details:
      `${settingsHelp(logitsConfig)}\n` +
      'Settings must be those of the distillation. What was cut off goes on after the last step that was done, when the same is asked for again.',
  },
  async ({ config: file, set, plan, json, ...paths }, io) => {
    const settings = applySettings(logitsConfig, { ...readSettingsFile(file), ...given(paths) }, set, file);
    const config = { ...settings, teacher: await folderOf(settings.teacher, 'model', io) };
    if (plan) {
      const forecast = await planPrecomputeLogits(config, { stream: io.stderr });
      if (json) await write(io.stdout, `${JSON.stringify(forecast)}\n`);
      return 0;
    }
    using progress = new ProgressLine(io.stderr, "teacher's logits");
    const result = await stoppable(io, [progress], 'the steps that are done stay, the same command goes on', (pause) =>
      precomputeLogits(config, {
        async onProgress({ done, total }) {
          const step = Math.min(done, config.steps);
          progress.update(done / total, `step ${formatInteger(step)} of ${formatInteger(config.steps)}`);
          await pause();
        },
      }),
    );
    if (!result) return signalExitCode();
    const { folder, computed, steps, tokens, bytes, seconds } = result;
    const there = computed < steps ? `, ${formatInteger(steps - computed)} of which were there` : '';
    await write(
      io.stdout,
      json
        ? `${JSON.stringify(result)}\n`
        : `${formatInteger(steps)} steps${there}, ${formatInteger(tokens)} tokens, ${formatBytes(bytes)} in ${formatDuration(seconds)} → ${folder}\n`,
    );
    return 0;
  },
);
