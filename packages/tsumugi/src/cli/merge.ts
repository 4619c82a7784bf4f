// `tsumugi merge`: joins models as a mergekit YAML says.
import { ConfigError, signalExitCode } from '../base/index.ts';
import {
  type MergedGate,
  type MergeForecast,
  mergeMethodNames,
  mergeModels,
  planMergeModels,
} from '../compress/index.ts';
import { codeCommit, formatBytes, formatCount, formatDuration } from '../run/index.ts';
import { defineCommand } from './command.ts';
import { costRows } from './cost-rows.ts';
import { divergenceText } from './divergence-text.ts';
import { folderOf } from './hub-folder.ts';
import { type Output, write } from './io.ts';
import { mergeOneAdapter } from './merge-adapter.ts';
import { planSearch, search } from './merge-search.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { nothingWritten, stoppable } from './stoppable.ts';
import { withoutEffect } from './without-effect.ts';

export const run = defineCommand(
  {
    command: 'tsumugi merge',
    summary: 'join models of one shape into one, as a mergekit YAML says; or search for a good merge',
    options: {
      config: { type: 'string', value: 'FILE', help: "the merge, as mergekit's YAML" },
      adapter: { type: 'string', value: 'DIR', help: "instead: put this adapter, in PEFT's layout, into its base" },
      model: { type: 'string', value: 'DIR|NAME', help: 'the base of --adapter (default: the one that it names)' },
      out: {
        type: 'string',
        value: 'DIR',
        required: true,
        help: 'folder for the merged model; of a search, for DIR/model and the table',
      },
      set: { type: 'list', value: 'KEY=VALUE', help: 'change single keys, as parameters.t=0.3 or models.0.model=DIR' },
      seed: { type: 'integer', min: 0, default: 0, help: 'of what DARE and DELLA drop' },
      search: {
        type: 'list',
        value: 'KEY=VALUES',
        help: 'try values of keys: KEY=A,B,C or, with --samples, KEY=LOW..HIGH',
      },
      samples: {
        type: 'integer',
        min: 1,
        help: 'candidates of the search that are drawn (default: every combination)',
      },
      data: { type: 'list', value: 'DIR', help: 'score candidates by the held-out text of these token shards' },
      tasks: { type: 'list', value: 'NAME', help: 'score candidates by evaluation tasks ("tsumugi eval --list")' },
      limit: { type: 'integer', min: 1, help: 'samples of a task at most' },
      noGate: { type: 'boolean', help: 'do not compare the result with its models' },
      plan: { type: 'boolean', help: 'check everything, print what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details: `Methods: ${mergeMethodNames.join(', ')}.\nPaths in the YAML count from the folder it lies in; models may be named as on the Hugging Face Hub.`,
  },
  async (options, io) => {
    if (options.adapter !== undefined) return await mergeOneAdapter({ ...options, adapter: options.adapter }, io);
    withoutEffect('there is no --adapter', { model: options.model });
    const { out, set, seed, json, noGate } = options;
    const config = requireConfig(options.config);
    const resolveModel = (name: string) => folderOf(name, 'model', io);
    const { search: space, samples, data, tasks, limit } = options;
    if (space.length > 0) {
      withoutEffect('candidates of a search are scored', { noGate });
      const asked = { config, out, search: space, samples, data, tasks, limit, json };
      return await (options.plan ? planSearch : search)(asked, { set, seed, resolveModel, commit: codeCommit() }, io);
    }
    const lists = { data: data[0], tasks: tasks[0] };
    withoutEffect('there is no --search', { samples, ...lists, limit });
    if (options.plan) {
      withoutEffect('--plan prints and ends', { seed: seed === 0 ? undefined : seed });
      const forecast = await planMergeModels(config, { set, resolveModel, gate: !noGate });
      warn(forecast.warnings, io.stderr);
      await write(io.stdout, json ? `${JSON.stringify({ ...forecast, out })}\n` : formatPlan(forecast, out));
      return 0;
    }
    using progress = new ProgressLine(io.stderr, 'merging');
    const merged = await stoppable(io, [progress], nothingWritten, (pause) =>
      mergeModels(config, out, {
        set,
        seed,
        resolveModel,
        gate: !noGate,
        commit: codeCommit(),
        onProgress: ({ done, total, tensor }) => progress.update(done / total, tensor),
        onPrompt: (done, total) => progress.update(done / total, 'comparing'),
        pause,
      }),
    );
    if (!merged) return signalExitCode();
    const { lineage: _, ...result } = merged;
    warn(result.warnings, io.stderr);
    const { method, tensors, parameters, bytes, seconds, folder } = result;
    const line = `${method}: ${tensors} tensors, ${formatCount(parameters)} parameters, ${formatBytes(bytes)} in ${formatDuration(seconds)} → ${folder}\n`;
    await write(io.stdout, json ? `${JSON.stringify(result)}\n` : formatGate(result.gate) + line);
    return 0;
  },
);

/** @throws ConfigError without one */
function requireConfig(config: string | undefined): string {
  if (config !== undefined) return config;
  throw new ConfigError(
    'missing-option',
    "tsumugi merge needs --config FILE (the merge, as mergekit's YAML), or --adapter DIR",
    {
      remedy: 'See tsumugi merge --help.',
      fields: { option: '--config' },
    },
  );
}

const warn = (warnings: readonly string[], stream: Output): void => {
  for (const warning of warnings) stream.write(`warning: ${warning}\n`);
};

function formatGate(gate: MergedGate | undefined): string {
  if (!gate) return 'not compared with its models\n';
  const { merged, models } = gate.bitsPerCharacter;
  const others = models.map(({ model, value }) => `${value.toFixed(3)} ${model}`).join(', ');
  const bits = `bits per character of the fixed prompts: ${merged.toFixed(3)} merged; ${others}\n`;
  if (!gate.beside) return bits;
  const { model, prompts } = gate.beside;
  const [first] = prompts;
  const written = JSON.stringify(first!.artefact);
  return (
    `${bits}${divergenceText(model, gate.beside)}\n` +
    `after ${JSON.stringify(first!.prompt)}: ${written} merged, ${JSON.stringify(first!.source)} ${model}\n`
  );
}

function formatPlan({ method, tensors, parameters, ...cost }: MergeForecast, out: string): string {
  return `${method}: ${tensors} tensors, ${formatCount(parameters)} parameters\n${formatRows(costRows(cost, out))}`;
}
