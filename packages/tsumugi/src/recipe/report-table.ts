// The report on the terminal: a line per step, then its metrics.
import { displayWidth, formatCells, formatDuration, formatMetric } from '../run/index.ts';
import type { RecipeReport, ReportStep } from './report.ts';
import { type SweepReport, sweepTable } from './sweep-report.ts';

const took = ({ seconds }: ReportStep) => (seconds === null ? '–' : formatDuration(seconds));

/** The steps with what they took and their metrics. */
export function formatReport({ steps, sweeps = [] }: RecipeReport): string {
  const rows = steps.map((step) => [step.name, step.state, took(step), step.address.slice(0, 12)]);
  const head = formatCells([['step', '', 'time', 'address'], ...rows], 2);
  const width = Math.max(...steps.flatMap(({ metrics }) => metrics.map(({ name }) => displayWidth(name))), 0);
  const metrics = steps
    .filter((step) => step.metrics.length > 0)
    .flatMap((step) => [
      `  ${step.name}`,
      ...step.metrics.map(
        (metric) => `    ${metric.name}${' '.repeat(width - displayWidth(metric.name))}  ${formatMetric(metric)}`,
      ),
    ]);
  return [head, ...(metrics.length > 0 ? ['', ...metrics] : []), ...sweeps.map(formatSweep)].join('\n');
}

function formatSweep(sweep: SweepReport): string {
  const { title, columns, rows } = sweepTable(sweep);
  return `\n  ${title}\n${formatCells([columns, ...rows.map((row) => row.map((cell) => String(cell ?? '–')))], sweep.keys.length)}`;
}
