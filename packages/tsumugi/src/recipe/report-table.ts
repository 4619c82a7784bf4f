// The report on the terminal: a line per stage, then its metrics.
import { displayWidth, formatCells, formatDuration, formatMetric, padEnd } from '../run/index.ts';
import type { RecipeReport, ReportStage } from './report.ts';
import { type SweepReport, sweepTable } from './sweep-report.ts';

const took = ({ seconds }: ReportStage) => (seconds === null ? '–' : formatDuration(seconds));

/** The stages with what they took and their metrics. */
export function formatReport({ stages, sweeps = [] }: RecipeReport): string {
  const rows = stages.map((stage) => [stage.name, stage.state, took(stage), stage.address.slice(0, 12)]);
  const head = formatCells([['stage', '', 'time', 'address'], ...rows], 2);
  const width = Math.max(...stages.flatMap(({ metrics }) => metrics.map(({ name }) => displayWidth(name))), 0);
  const metrics = stages
    .filter((stage) => stage.metrics.length > 0)
    .flatMap((stage) => [
      `  ${stage.name}`,
      ...stage.metrics.map((metric) => `    ${padEnd(metric.name, width)}  ${formatMetric(metric)}`),
    ]);
  return [head, ...(metrics.length > 0 ? ['', ...metrics] : []), ...sweeps.map(formatSweep)].join('\n');
}

function formatSweep(sweep: SweepReport): string {
  const { title, columns, rows } = sweepTable(sweep);
  return `\n  ${title}\n${formatCells([columns, ...rows.map((row) => row.map((cell) => String(cell ?? '–')))], sweep.keys.length)}`;
}
