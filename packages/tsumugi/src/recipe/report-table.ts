// The report on the terminal: a line per step, then its figures.
import { displayWidth, formatBytes, formatDuration, formatInteger, formatNumber } from '../run/index.ts';
import type { RecipeReport, ReportStep } from './report.ts';
import type { StageFigure } from './results.ts';
import { formatCells } from './step-forecast.ts';

/** "1,234 tokens", "3.142 bits", "12.3 MiB", "4 min 10 s". */
export function formatFigure({ value, unit }: Pick<StageFigure, 'value' | 'unit'>): string {
  if (value === null) return 'not finite';
  if (unit === 's') return formatDuration(value);
  if (unit === 'bytes') return formatBytes(value);
  const number = Number.isInteger(value) ? formatInteger(value) : formatNumber(value);
  return unit === '' ? number : `${number} ${unit}`;
}

const took = ({ seconds }: ReportStep) => (seconds === null ? '–' : formatDuration(seconds));

/** The steps with what they took and their figures. */
export function formatReport({ steps }: RecipeReport): string {
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
  return [head, ...(figures.length > 0 ? ['', ...figures] : [])].join('\n');
}
