// `tsumugi prune`: a smaller model of what is most active in a larger one.
import { signalExitCode } from '../base/index.ts';
import {
  type PrunePlan,
  type PruneProgress,
  type PruneTable,
  planPrune,
  prune,
  pruneConfig,
  pruneTable,
} from '../compress/index.ts';
import { codeCommit, formatBytes, formatCells, formatCount, formatDuration } from '../run/index.ts';
import { openCorpus } from '../text/index.ts';
import { defineCommand } from './command.ts';
import { costRows } from './cost-rows.ts';
import { settingsHelp } from './describe-settings.ts';
import { write } from './io.ts';
import { modelOptions } from './model-options.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';
import { nothingWritten, stoppable } from './stoppable.ts';
import { readOptions, reportPassedOver, textOptions } from './text-options.ts';
import { withoutEffect } from './without-effect.ts';

export const run = defineCommand(
  {
    command: 'tsumugi prune',
    summary: 'take away width, heads and layers that matter least',
    options: {
      model: { ...modelOptions.model, help: 'model to prune: a folder, or a name on the Hugging Face Hub' },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the smaller model' },
      ...settingsOptions,
      ...textOptions,
      text: {
        type: 'list',
        value: 'PATH',
        help: 'what to calibrate with (default: the novels that come with tsumugi)',
      },
      table: { type: 'boolean', help: 'measure, print the table of sizes, speed and loss, and stop' },
      plan: { type: 'boolean', help: 'check everything, print what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details: settingsHelp(pruneConfig),
  },
  async (options, io) => {
    const { model, out, config, set, table, json } = options;
    const text = options.text.length > 0 ? openCorpus(options.text, readOptions(options)) : undefined;
    if (text) reportPassedOver(io.stderr, text.passedOver);
    const file = readSettingsFile(config);
    const settings = applySettings(pruneConfig, file, set, config);
    if (options.plan) {
      withoutEffect('--plan prints and ends', { table });
      const plan = planPrune(model, settings);
      await write(io.stdout, json ? `${JSON.stringify({ ...plan, out })}\n` : formatPlan(plan, out));
      return 0;
    }
    using progress = new ProgressLine(io.stderr, 'pruning');
    const onProgress = ({ doing, share }: PruneProgress) => progress.update(share, doing);
    if (table) {
      const planned = await stoppable(io, [progress], nothingWritten, (pause) =>
        pruneTable(model, settings, { text, onProgress, pause }),
      );
      if (!planned) return signalExitCode();
      await write(io.stdout, json ? `${JSON.stringify({ ...planned, out })}\n` : formatTable(planned));
      return 0;
    }
    const pruned = await stoppable(io, [progress], nothingWritten, (pause) =>
      prune(model, out, settings, { text, commit: codeCommit(), onProgress, pause }),
    );
    if (!pruned) return signalExitCode();
    const { lineage: _, ...result } = pruned;
    const line = `${result.tensors} tensors in ${formatDuration(result.seconds)} → ${result.folder}\n`;
    await write(io.stdout, json ? `${JSON.stringify(result)}\n` : formatTable(result) + line);
    return 0;
  },
);

function formatPlan({ before, after, ...cost }: PrunePlan, out: string): string {
  const cells = [
    ['model', 'parameters', 'bytes', 'FLOPs per token'],
    ...Object.entries({ before, after }).map(([model, { parameters, bytes, flopsPerToken }]) => [
      model,
      formatCount(parameters),
      formatBytes(bytes),
      formatCount(flopsPerToken),
    ]),
  ];
  return `${formatCells(cells, 1)}\n${formatRows(costRows(cost, out, ', less where scores are kept'))}`;
}

function formatTable({ rows, scores, kept, tokens }: PruneTable): string {
  const cells = [
    ['model', 'parameters', 'bytes', 'FLOPs per token', 'tokens/s', 'loss'],
    ...rows.map(({ model, parameters, bytes, flopsPerToken, tokensPerSecond, loss }) => [
      model,
      formatCount(parameters),
      formatBytes(bytes),
      formatCount(flopsPerToken),
      `${model === 'after' ? 'about ' : ''}${tokensPerSecond.toPrecision(3)}`,
      loss.toFixed(4),
    ]),
  ];
  return `${formatCells(cells, 1)}\nloss: nats of a token, over ${formatCount(tokens)} tokens; scores ${kept ? 'from' : 'kept in'} ${scores}\n`;
}
