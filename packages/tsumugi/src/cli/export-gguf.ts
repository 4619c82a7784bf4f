// `tsumugi export --format gguf`.
import { given, signalExitCode } from '../base/index.ts';
import {
  type ExportedGguf,
  exportGguf,
  exportGgufConfig,
  type GgufFileType,
  type GgufPlan,
  planExportGguf,
} from '../compress/index.ts';
import { codeCommit, formatBytes, formatDuration } from '../run/index.ts';
import { costRows } from './cost-rows.ts';
import { divergenceText } from './divergence-text.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { nothingWritten, stoppable } from './stoppable.ts';
import { withoutEffect } from './without-effect.ts';

interface ExportGgufOptions {
  model: string;
  out: string;
  type: string | undefined;
  context: number | undefined;
  imatrix: string | undefined;
  text: readonly string[];
  calibrationTokens: number | undefined;
  saveImatrix: string | undefined;
  noGate: boolean;
  plan: boolean;
  json: boolean;
}

export async function exportToGguf(options: ExportGgufOptions, io: Io): Promise<number> {
  const { model, out, context, imatrix, text, calibrationTokens, saveImatrix, noGate, json } = options;
  const type = options.type as GgufFileType | undefined;
  if (text.length === 0) withoutEffect('there is no --text', { calibrationTokens, saveImatrix });
  const chosen = given({ type, context, imatrix, calibrationTokens, saveImatrix });
  const config = exportGgufConfig.parse({ model, out, text: [...text], gate: !noGate, ...chosen });
  if (options.plan) {
    const plan = planExportGguf(config);
    const { tensors: _, ...shown } = plan;
    await write(io.stdout, json ? `${JSON.stringify({ ...shown, out })}\n` : planText(plan, out));
    return 0;
  }
  using line = new ProgressLine(io.stderr, 'export');
  const result = await stoppable(io, [line], nothingWritten, (pause) =>
    exportGguf(config, {
      commit: codeCommit(),
      async onProgress(phase, done, total) {
        line.update(done / total, phase);
        await pause();
      },
    }),
  );
  if (!result) return signalExitCode();
  await write(io.stdout, json ? `${JSON.stringify(result)}\n` : resultText(result));
  return 0;
}

function planText(plan: GgufPlan, out: string): string {
  const { type, context, bytes, bitsPerWeight, byType, notes } = plan;
  const rows = byType.map(
    ({ type, tensors, bytes }) => `  ${type.padEnd(6)} ${tensors} tensors, ${formatBytes(bytes)}`,
  );
  return [
    `${type}: ${formatBytes(bytes)}, ${bitsPerWeight.toFixed(2)} bits per weight, texts of up to ${context} tokens`,
    ...rows,
    ...notes.map((note) => `  ${note}`),
    formatRows(costRows(plan, out)),
  ].join('\n');
}

function resultText({ file, bytes, plan, importance, gate, seconds }: ExportedGguf): string {
  const { type, context, bitsPerWeight, notes } = plan;
  const compared = gate
    ? `${divergenceText('the model', gate)}; loaded by ${gate.loadedBy}`
    : 'not compared with the model (--no-gate)';
  return [
    ...notes.map((note) => `note: ${note}`),
    ...(importance
      ? [`errors weighed by ${importance.matrices} matrices' importance over ${importance.tokens} tokens`]
      : []),
    compared,
    `${type}, ${bitsPerWeight.toFixed(2)} bits per weight, ${formatBytes(bytes)}, texts of up to ${context} tokens, ` +
      `${formatDuration(seconds)} → ${file}`,
    '',
  ].join('\n');
}
