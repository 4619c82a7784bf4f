// `tsumugi prune`: a smaller model of what is most active in a larger one.
import { type PrunePlan, type PruneProgress, planPrune, prune, pruneConfig } from '../compress/index.ts';
import { codeCommit, formatBytes, formatCells, formatCount, formatDuration } from '../run/index.ts';
import { openCorpus } from '../text/index.ts';
import { defineCommand } from './command.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { applySettings, describeSettings, readSettingsFile, settingsOptions } from './settings.ts';
import { readOptions, reportPassedOver, textOptions } from './text-options.ts';

export const run = defineCommand(
  {
    command: 'tsumugi prune',
    summary: 'take away width, heads and layers that matter least',
    options: {
      model: {
        type: 'string',
        value: 'DIR|NAME',
        required: true,
        hub: 'model',
        help: 'model to prune: a folder, or a name on the Hugging Face Hub',
      },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the smaller model' },
      ...settingsOptions,
      ...textOptions,
      text: {
        type: 'list',
        value: 'PATH',
        help: 'what to calibrate with (default: the novels that come with tsumugi)',
      },
      plan: { type: 'boolean', help: 'measure, print the table of sizes, speed and loss, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details: `Settings for --config and --set:\n${formatRows(describeSettings(pruneConfig))}`,
  },
  async (options, io) => {
    const { model, out, config, set, plan, json } = options;
    const text = options.text.length > 0 ? openCorpus(options.text, readOptions(options)) : undefined;
    if (text) reportPassedOver(io.stderr, text.passedOver);
    const file = config === undefined ? undefined : readSettingsFile(config);
    const settings = applySettings(pruneConfig, file, set, config);
    using progress = new ProgressLine(io.stderr, 'pruning');
    const onProgress = ({ doing, share }: PruneProgress) => progress.update(share, doing);
    if (plan) {
      const planned = await planPrune(model, settings, { text, onProgress });
      progress[Symbol.dispose]();
      await write(io.stdout, json ? `${JSON.stringify({ ...planned, out })}\n` : formatTable(planned));
      return;
    }
    const { lineage: _, ...result } = await prune(model, out, settings, { text, commit: codeCommit(), onProgress });
    progress[Symbol.dispose]();
    const line = `${result.tensors} tensors in ${formatDuration(result.seconds)} → ${result.folder}\n`;
    await write(io.stdout, json ? `${JSON.stringify(result)}\n` : formatTable(result) + line);
  },
);

function formatTable({ rows, scores, kept, tokens }: PrunePlan): string {
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
