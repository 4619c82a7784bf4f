// The report on the terminal: a line per stage with what it made, then its metrics.
import { basename, join } from 'node:path';
import { displayWidth, formatBytes, formatCells, formatDuration, formatMetric, padEnd } from '../run/index.ts';
import type { RecipeReport, ReportStage } from './report.ts';
import type { StageMetric } from './results.ts';
import { type SweepReport, sweepTable } from './sweep-report.ts';

/** The stages with what they made, took and changed, and their metrics. */
export function formatReport({ stages, sweeps = [] }: RecipeReport): string {
  const shown = stages.map((stage) => ({ ...stage, metrics: pairsOf(stage.metrics) }));
  const rows = shown.map(({ metrics, ...stage }) => [
    stage.name,
    stage.state,
    resultOf(stage),
    stage.seconds === null ? '–' : formatDuration(stage.seconds),
    metrics.find(({ before }) => before !== undefined)?.text ?? '',
    stage.bytes === null ? '–' : formatBytes(stage.bytes),
  ]);
  const head = formatCells([['stage', '', 'result', 'time', 'before → after', 'size'], ...rows], 3);
  const width = Math.max(...shown.flatMap(({ metrics }) => metrics.map(({ name }) => displayWidth(name))), 0);
  const metrics = shown
    .filter((stage) => stage.metrics.length > 0)
    .flatMap((stage) => [
      `  ${stage.name}`,
      ...stage.metrics.map(({ name, text }) => `    ${padEnd(name, width)}  ${text}`),
    ]);
  return [head, ...(metrics.length > 0 ? ['', ...metrics] : []), ...sweeps.map(formatSweep)].join('\n');
}

interface Shown {
  readonly name: string;
  readonly before: StageMetric | undefined;
  readonly text: string;
}

/** What was measured before the stage's work, too, on one line: "x before" goes to "x". */
function pairsOf(metrics: readonly StageMetric[]): Shown[] {
  const beforeOf = ({ name }: StageMetric) => metrics.find((other) => other.name === `${name} before`);
  const taken = new Set(metrics.map(beforeOf));
  return metrics
    .filter((metric) => !taken.has(metric))
    .map((metric) => {
      const before = beforeOf(metric);
      const from = before ? `${formatMetric({ ...before, unit: '' })} → ` : '';
      return { name: metric.name, before, text: from + formatMetric(metric) };
    });
}

/** Where the artefact is, in the recipe's folder: a file where there is but one. */
function resultOf({ name, place, files }: Pick<ReportStage, 'name' | 'place' | 'files'>): string {
  const [first, ...more] = files;
  if (first === undefined) return '–';
  return join(name, basename(place), more.length === 0 ? first : '');
}

function formatSweep(sweep: SweepReport): string {
  const { title, columns, rows } = sweepTable(sweep);
  return `\n  ${title}\n${formatCells([columns, ...rows.map((row) => row.map((cell) => String(cell ?? '–')))], sweep.keys.length)}`;
}
