// `tsumugi grow`: a larger model that begins where a smaller one is.
import { availableDisk } from '../base/index.ts';
import { type GrowPlan, grow, growConfig, planGrow } from '../compress/index.ts';
import { codeCommit, formatBytes, formatCount, formatDuration } from '../run/index.ts';
import { defineCommand } from './command.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { applySettings, describeSettings, readSettingsFile, settingsOptions } from './settings.ts';

export const run = defineCommand(
  {
    command: 'tsumugi grow',
    summary: 'a larger model that says what a smaller one says, to be trained on',
    options: {
      model: {
        type: 'string',
        value: 'DIR|NAME',
        required: true,
        hub: 'model',
        help: 'model to grow: a folder, or a name on the Hugging Face Hub',
      },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the larger model' },
      ...settingsOptions,
      plan: { type: 'boolean', help: 'print what would be made and what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details: `Settings for --config and --set:\n${formatRows(describeSettings(growConfig))}`,
  },
  async ({ model, out, config, set, plan, json }, io) => {
    const file = config === undefined ? undefined : readSettingsFile(config);
    const settings = applySettings(growConfig, file, set, config);
    if (plan) {
      const planned = planGrow(model, settings);
      await write(io.stdout, json ? `${JSON.stringify({ ...planned, out })}\n` : formatPlan(planned, out));
      return;
    }
    using progress = new ProgressLine(io.stderr, 'growing');
    const onProgress = (share: number) => progress.update(share);
    const { lineage: _, ...result } = await grow(model, out, settings, { commit: codeCommit(), onProgress });
    progress[Symbol.dispose]();
    const { parametersBefore, parameters, seconds, folder } = result;
    const line = `${formatCount(parametersBefore)} → ${formatCount(parameters)} parameters in ${formatDuration(seconds)} → ${folder}\n`;
    await write(io.stdout, json ? `${JSON.stringify(result)}\n` : line);
  },
);

function formatPlan(plan: GrowPlan, out: string): string {
  const { parametersBefore, parameters, flopsPerTokenBefore, flopsPerToken } = plan;
  return formatRows([
    ['parameters', `${formatCount(parametersBefore)} → ${formatCount(parameters)}`],
    ['FLOPs per token', `${formatCount(flopsPerTokenBefore)} → ${formatCount(flopsPerToken)}`],
    ['time', `about ${formatDuration(plan.seconds)}`],
    ['memory', `${formatBytes(plan.memoryBytes)} of ${formatBytes(process.availableMemory())} available`],
    ['disk', `${formatBytes(plan.diskBytes)} of ${formatBytes(availableDisk(out))} available, in ${out}`],
  ]);
}
