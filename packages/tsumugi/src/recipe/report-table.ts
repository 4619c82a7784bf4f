// The report on the terminal: a line per step, then its figures.
import { displayWidth, formatCells, formatDuration, formatFigure } from '../run/index.ts';
import type { RecipeReport, ReportStep } from './report.ts';
import { type SweepReport, sweepTable } from './sweep-report.ts';

const took = ({ seconds }: ReportStep) => (seconds === null ? '–' : formatDuration(seconds));

/** The steps with what they took and their figures. */
export function formatReport({ steps, sweeps = [] }: RecipeReport): string {
  const rows = steps.map((step) => [step.name, step.state, took(step), step.address.slice(0, 12)]);
  const head = formatCells([['step', '', 'time', 'address'], ...rows], 2);
  const width = Math.max(...steps.flatMap(({ figures }) => figures.map(({ name }) => displayWidth(name))), 0);
  const figures = steps
    .filter((step) => step.figures.length > 0)
    .flatMap((step) => [
      `  ${step.name}`,
      ...step.figures.map(
        (figure) => `    ${figure.name}${' '.repeat(width - displayWidth(figure.name))}  ${formatFigure(figure)}`,
      ),
    ]);
  return [head, ...(figures.length > 0 ? ['', ...figures] : []), ...sweeps.map(formatSweep)].join('\n');
}

function formatSweep(sweep: SweepReport): string {
  const { title, columns, rows } = sweepTable(sweep);
  return `\n  ${title}\n${formatCells([columns, ...rows.map((row) => row.map((cell) => String(cell ?? '–')))], sweep.keys.length)}`;
}
