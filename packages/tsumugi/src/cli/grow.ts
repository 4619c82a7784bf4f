// `tsumugi grow`: a larger model that begins where a smaller one is.
import { signalExitCode } from '../base/index.ts';
import { type GrowPlan, type GrowResult, grow, growConfig, planGrow } from '../compress/index.ts';
import { codeCommit, formatCount, formatDuration } from '../run/index.ts';
import { defineCommand } from './command.ts';
import { costRows } from './cost-rows.ts';
import { settingsHelp } from './describe-settings.ts';
import { write } from './io.ts';
import { modelOptions } from './model-options.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';
import { nothingWritten, stoppable } from './stoppable.ts';
import { tokenizerOption } from './tokenizer-option.ts';

export const run = defineCommand(
  {
    command: 'tsumugi grow',
    summary: 'a larger model that says what a smaller one says, to be trained on',
    options: {
      model: { ...modelOptions.model, help: 'model to grow: a folder, or a name on the Hugging Face Hub' },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the larger model' },
      tokenizer: {
        type: 'string',
        value: 'PATH|NAME',
        hub: 'tokenizer',
        help: `another tokenizer for it: a ${tokenizerOption.help}`,
      },
      ...settingsOptions,
      plan: { type: 'boolean', help: 'print what would be made and what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details: settingsHelp(growConfig),
  },
  async ({ model, out, tokenizer, config, set, plan, json }, io) => {
    const file = readSettingsFile(config);
    const settings = applySettings(growConfig, file, set, config);
    if (plan) {
      const planned = planGrow(model, settings, { tokenizer });
      await write(io.stdout, json ? `${JSON.stringify({ ...planned, out })}\n` : formatPlan(planned, out));
      return 0;
    }
    using progress = new ProgressLine(io.stderr, 'growing');
    const onProgress = (share: number) => progress.update(share);
    const grown = await stoppable(io, [progress], nothingWritten, (pause) =>
      grow(model, out, settings, { tokenizer, commit: codeCommit(), onProgress, pause }),
    );
    if (!grown) return signalExitCode();
    const { lineage: _, ...result } = grown;
    await write(io.stdout, json ? `${JSON.stringify(result)}\n` : formatResult(result));
    return 0;
  },
);

function formatResult({ pieces, parametersBefore, parameters, seconds, folder }: Omit<GrowResult, 'lineage'>): string {
  const rows = pieces
    ? `${formatCount(pieces.kept)} pieces keep their rows, ${formatCount(pieces.averaged)} have means of them, ` +
      `${formatCount(pieces.unknown)} the mean of all\n`
    : '';
  return `${rows}${formatCount(parametersBefore)} → ${formatCount(parameters)} parameters in ${formatDuration(seconds)} → ${folder}\n`;
}

function formatPlan(plan: GrowPlan, out: string): string {
  const { config, parametersBefore, parameters, flopsPerTokenBefore, flopsPerToken } = plan;
  return formatRows([
    ['parameters', `${formatCount(parametersBefore)} → ${formatCount(parameters)}`],
    ['pieces', formatCount(config.vocab_size)],
    ['FLOPs per token', `${formatCount(flopsPerTokenBefore)} → ${formatCount(flopsPerToken)}`],
    ...costRows(plan, out),
  ]);
}
