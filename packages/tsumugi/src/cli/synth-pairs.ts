// `tsumugi synth pairs`: preference pairs out of a model's own answers.
import { given, signalExitCode } from '../base/index.ts';
import { formatBytes, formatDuration, formatInteger, Interrupt, Interrupted, unlessInterrupted } from '../run/index.ts';
import { forecastPairs } from '../stages/index.ts';
import { makePairs, type PairsConfig, pairsConfig, planPairs, reasons } from '../synth/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { folderOf } from './hub-folder.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';

export const run = defineCommand(
  {
    command: 'tsumugi synth pairs',
    summary: "preference pairs out of a model's own answers, for tsumugi dpo",
    options: {
      ...settingsOptions,
      model: {
        type: 'string',
        value: 'DIR|NAME',
        help: 'model that answers: a folder, or a name on the Hugging Face Hub',
      },
      prompts: { type: 'list', value: 'FILE', help: 'prompts, jsonl or parquet: prompt, answer' },
      template: { type: 'string', value: 'NAME|FILE', help: "chat template (the model's own when left out)" },
      out: { type: 'string', value: 'DIR', help: 'folder: answers.jsonl, and the pairs in DIR/pairs' },
      plan: { type: 'boolean', help: 'print what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details:
      `${settingsHelp(pairsConfig)}\n` +
      'What was stopped goes on with the same command, and asks only what is missing. docs/preference.md says what the scores are.',
  },
  async ({ config: file, set, plan, json, model, prompts, template, out }, io) => {
    const own = { model, prompts: prompts.length > 0 ? prompts : undefined, template, out };
    const settings = applySettings(
      pairsConfig,
      { ...readSettingsFile(file), ...given(own) },
      set,
      file,
      Object.keys(own),
    );
    const config = { ...settings, model: await folderOf(settings.model, 'model', io) };
    if (plan) return await showPlan(config, json, io);
    const abort = new AbortController();
    using _interrupt = new Interrupt((message) => {
      io.stderr.write(`${message}\n`);
      abort.abort(new Interrupted('a signal asked to end'));
    });
    const made = await unlessInterrupted(() => makePairs(config, { stream: io.stderr, signal: abort.signal }));
    if (!made) {
      io.stderr.write(`stopped; answers are kept in ${config.out}, the same command goes on from here\n`);
      return signalExitCode();
    }
    if (json) await write(io.stdout, `${JSON.stringify(made)}\n`);
    else {
      const without = Object.entries(made.withoutPair).filter(([, n]) => n > 0);
      await write(
        io.stdout,
        formatRows([
          ['pairs', `${formatInteger(made.pairs)} → ${made.folder}`],
          ['prompts', formatInteger(made.prompts)],
          ...without.map(
            ([name, n]) => [`no pair: ${reasons[name as keyof typeof reasons]}`, formatInteger(n)] as const,
          ),
          ['mean score', made.meanScore.toFixed(3)],
          ...(made.passAt1 === undefined ? [] : [['right answers (pass@1)', made.passAt1.toFixed(3)] as const]),
          ['tokens written', formatInteger(made.tokens)],
        ]),
      );
    }
    return 0;
  },
);

async function showPlan(config: PairsConfig, json: boolean, io: Io): Promise<number> {
  const { modelConfig, ...asked } = await planPairs(config);
  const { seconds, memory, diskBytes } = forecastPairs(modelConfig, config, asked);
  const memoryBytes = memory.reduce((sum, { bytes }) => sum + bytes, 0);
  const text = `${formatInteger(asked.prompts)} prompts, ${formatInteger(asked.read)} tokens to read, ${formatInteger(asked.write)} to write at most: about ${formatDuration(seconds)}, ${formatBytes(memoryBytes)} of memory, ${formatBytes(diskBytes)} of disk\n`;
  await write(io.stdout, json ? `${JSON.stringify({ ...asked, seconds, memoryBytes, diskBytes })}\n` : text);
  return 0;
}
