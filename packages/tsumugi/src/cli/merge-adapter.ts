// `tsumugi merge --adapter`: an adapter put into its base.
import { mergeAdapter, planMergeAdapter } from '../compress/index.ts';
import { codeCommit, formatCount, formatDuration } from '../run/index.ts';
import { DEQUANTIZED, modelFolder } from './adapter-options.ts';
import { costRows } from './cost-rows.ts';
import { folderOf } from './hub-folder.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { withoutEffect } from './without-effect.ts';

interface Asked {
  readonly adapter: string;
  readonly model: string | undefined;
  readonly out: string;
  readonly json: boolean;
  readonly plan: boolean;
  readonly noGate: boolean;
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly seed: number;
  readonly search: readonly string[];
  readonly samples: number | undefined;
  readonly data: readonly string[];
  readonly tasks: readonly string[];
  readonly limit: number | undefined;
}

/** Merges an adapter, or says what that would take. */
export async function mergeOneAdapter(asked: Asked, io: Io): Promise<void> {
  const { adapter, out, json, plan, noGate, config, set, seed, search, samples, data, tasks, limit } = asked;
  const first = { set: set[0], search: search[0], data: data[0], tasks: tasks[0] };
  const seeded = seed === 0 ? undefined : seed;
  withoutEffect('--adapter is merged into one base', { config, ...first, seed: seeded, samples, limit });
  const model = asked.model === undefined ? undefined : await folderOf(asked.model, 'model', io);
  const base = await modelFolder('tsumugi merge', { model, adapter }, io);
  if (plan) {
    const forecast = planMergeAdapter(adapter, base, { gate: !noGate });
    const text = `${formatCount(forecast.layers)} adapted layers of ${base}\n${formatRows(costRows(forecast, out))}`;
    return await write(io.stdout, json ? `${JSON.stringify({ ...forecast, base, out })}\n` : text);
  }
  using progress = new ProgressLine(io.stderr, 'comparing');
  const result = await mergeAdapter(adapter, out, {
    ...{ base, gate: !noGate, commit: codeCommit() },
    onPrompt: (done, total) => void progress.update(done / total, 'prompts'),
  });
  progress[Symbol.dispose]();
  const { lineage: _, ...told } = result;
  if (result.dequantized) io.stderr.write(`${DEQUANTIZED}\n`);
  const { gate, layers, parameters, seconds, folder } = result;
  const compared = gate
    ? `next-token divergence from the adapted model: mean ${gate.meanKl.toPrecision(2)} nats, largest ${gate.maxKl.toPrecision(2)}\n`
    : 'not compared with the adapted model\n';
  const line = `${formatCount(layers)} adapted layers, ${formatCount(parameters)} parameters in ${formatDuration(seconds)} → ${folder}\n`;
  await write(io.stdout, json ? `${JSON.stringify(told)}\n` : compared + line);
}
