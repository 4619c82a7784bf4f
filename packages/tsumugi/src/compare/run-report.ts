// The report of one run: as a page, as text, as JSON.
import { escapeText, htmlCharts, htmlMetrics, htmlPage, htmlRows, htmlSection, sparkline } from '../draw/index.ts';
import { formatReport, renderReport } from '../recipe/index.ts';
import {
  curvesOf,
  curveTitle,
  displayWidth,
  fitWidth,
  formatCells,
  formatInteger,
  formatMetric,
  formatNumber,
  formatTime,
  readableSample,
} from '../run/index.ts';
import { rangeTestSection } from './range-test.ts';
import type { RunSummary } from './read-run.ts';

function soFar({ steps, totalSteps, report }: RunSummary): string {
  const what = report ? 'stage' : 'step';
  return totalSteps === null || totalSteps === steps
    ? `${formatInteger(steps)} ${what}s`
    : `${what} ${formatInteger(steps)} of ${formatInteger(totalSteps)}`;
}

/** As one HTML file; a recipe's is the one that it writes itself. */
export function runPage(run: RunSummary): string {
  if (run.report) return renderReport(run.report);
  const curves = htmlMetrics(run.metrics) + htmlCharts(curvesOf(run.measurements));
  const warnings = run.warnings.map((warning) => `<p>${escapeText(warning)}</p>`).join('');
  const sample = run.samples.at(-1);
  return htmlPage({
    title: run.name,
    summary: `${run.kind}, ${run.state}`,
    facts: [`begun ${formatTime(run.created)}`, soFar(run)],
    sections: [
      ...(run.rangeTest ? [rangeTestSection(run.rangeTest)] : []),
      htmlSection('Curves', '', curves),
      ...(warnings ? [htmlSection('Warnings', '', warnings)] : []),
      ...(sample && sample.prompt !== 'grid'
        ? [
            htmlSection(
              'Sample',
              `at step ${formatInteger(sample.step)}`,
              `<p>${escapeText(sample.prompt + readableSample(sample.text))}</p>`,
            ),
          ]
        : []),
      htmlSection('Settings', 'inputs by the SHA-256 of what they hold', htmlRows(Object.entries(run.config))),
    ],
    footer: escapeText(run.path),
  });
}

/** As text for a terminal of so many columns. */
export function runText(run: RunSummary, columns = 80): string {
  if (run.report) return formatReport(run.report);
  const metrics = run.metrics.map((metric) => [metric.name, formatMetric(metric)]);
  const curves = curvesOf(run.measurements).map(({ chart, name, points }) => ({
    name: curveTitle(chart, name),
    values: points.map(([, value]) => value ?? Number.NaN),
  }));
  // A line: indent, name, first value, sparkline, last value; two columns between them.
  const others = 26;
  const sparkColumns = Math.max(12, Math.min(40, columns - others - 44));
  const lines = curves.map(({ name, values }) => [
    fitWidth(name, Math.max(20, columns - others - sparkColumns)),
    formatNumber(values[0]!),
    sparkline(values, { columns: sparkColumns }),
    formatNumber(values.at(-1)!),
  ]);
  const parts = [
    `${run.name}: ${run.kind}, ${run.state}, ${soFar(run)}`,
    ...(metrics.length > 0 ? [formatCells(metrics, 1)] : []),
    ...(lines.length > 0 ? [formatCells(lines, 1)] : ['  nothing was measured yet']),
    ...run.warnings.map((warning) => `  warning: ${warning}`),
  ];
  return parts
    .join('\n')
    .split('\n')
    .map((line) => (displayWidth(line) > columns * 2 ? fitWidth(line, columns * 2) : line))
    .join('\n');
}

export const runJson = ({ report, measurements, ...run }: RunSummary): object =>
  report ?? { ...run, curves: curvesOf(measurements) };
