// The report as one HTML file that needs nothing else: inline style, inline SVG, no scripts.

import type { Curve } from '../../run/index.ts';
import { formatBytes, formatDuration, formatInteger, formatNumber, formatTime } from '../../run/index.ts';
import type { Json } from '../../store/index.ts';
import type { RecipeReport, ReportStep } from '../report.ts';
import { formatFigure } from '../report-table.ts';
import type { StageFigure, Table } from '../results.ts';
import { renderChart } from './chart.ts';
import { escapeText } from './escape.ts';
import { renderGrid } from './grid.ts';
import { renderLineage } from './lineage.ts';
import { style } from './style.ts';

export function renderReport(report: RecipeReport): string {
  const { recipe, summary, written, commit, machine, steps } = report;
  const seconds = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0);
  const facts = [
    `written ${formatTime(written)}`,
    `${formatDuration(seconds)} of work`,
    `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}`,
    `Node ${machine.node}`,
    ...(commit === null ? [] : [`commit ${commit.slice(0, 10)}${commit.endsWith('+') ? ' with changes' : ''}`]),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(recipe)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escapeText(recipe)}</h1>
<p class="soft">${escapeText(summary)}</p>
<p class="facts small soft">${facts.map((fact) => `<span>${escapeText(fact)}</span>`).join('')}</p>
</header>
<section>
<div class="head"><h2>Lineage</h2><span class="soft small">what was made from what; each address follows from settings, inputs and code version</span></div>
<figure>${renderLineage(report)}</figure>
</section>
${steps.map(renderStep).join('\n')}
<footer class="soft small"><details><summary>Settings of the recipe</summary>${renderSettings(report.config)}</details></footer>
</main>
</body>
</html>
`;
}

function renderStep(step: ReportStep): string {
  const { name, state, why, address, sha256, place, kind, stage, stageVersion, seconds, finished } = step;
  const when = finished === null ? '' : `${formatDuration(seconds ?? 0)}, ${formatTime(finished)}`;
  const about: [string, Json][] = [
    ['stage', `${stage}, version ${stageVersion}`],
    ...Object.entries(step.uses).map(([name, version]): [string, Json] => [`uses ${name}`, version]),
    ['artefact', `${kind} in ${place}`],
    ['address', address],
    ...(sha256 === null ? [] : [['content (SHA-256)', sha256] satisfies [string, Json]]),
    ...Object.entries(step.inputs).flatMap(([input, list]) =>
      list.map(({ step: from, address: of, files }): [string, Json] => [
        `input ${input}`,
        from === null ? files.map(({ path }) => path).join(', ') : `${from} (${of.slice(0, 12)})`,
      ]),
    ),
  ];
  return `<section id="step-${escapeText(name)}">
<div class="head"><h2>${escapeText(name)}</h2><span class="state ${state}">${state}</span><span class="soft small">${escapeText(why)}</span><span class="soft small right">${escapeText(when)}</span></div>
${step.figures.length > 0 ? `<dl class="figures">${step.figures.map(renderFigure).join('')}</dl>` : ''}
${renderCharts(step.curves)}
${step.tables.map(renderTable).join('\n')}
${step.grids.length > 0 ? `<div class="charts">${step.grids.map(renderGrid).join('\n')}</div>` : ''}
<details><summary>Settings and origin</summary>${renderRows(about)}${renderSettings(step.config)}</details>
</section>`;
}

function renderFigure(figure: StageFigure): string {
  const text = formatFigure(figure);
  const unit = figure.unit !== '' && text.endsWith(` ${figure.unit}`) ? figure.unit : '';
  const value = unit === '' ? text : text.slice(0, -unit.length - 1);
  return `<div><dt>${escapeText(figure.name)}</dt><dd>${escapeText(value)}${unit && ` <small>${escapeText(unit)}</small>`}</dd></div>`;
}

/** A chart for each unit: the loss first, then what was measured, then the rest. */
function renderCharts(curves: readonly Curve[]): string {
  const names = [...new Set(curves.map(({ chart }) => chart))];
  const rank = (chart: string) => (chart === names[0] ? 0 : isMeasured(curves, chart) ? 1 : 2);
  const charts = names
    .toSorted((a, b) => rank(a) - rank(b))
    .map((chart) => renderChart(chart, curves.filter((curve) => curve.chart === chart))) // biome-ignore format: one call
    .filter((chart) => chart !== '');
  return charts.length > 0 ? `<div class="charts">${charts.join('\n')}</div>` : '';
}

const isMeasured = (curves: readonly Curve[], chart: string): boolean =>
  curves.some((curve) => curve.chart === chart && curve.name !== chart);

function renderTable({ title, columns, rows }: Table): string {
  const isNumber = columns.map((_, c) => rows.some((row) => typeof row[c] === 'number'));
  const cell = (tag: 'td' | 'th', text: string, c: number) =>
    `<${tag}${isNumber[c] ? ' class="number"' : ''}>${escapeText(text)}</${tag}>`;
  const show = (value: string | number | null | undefined) =>
    value === null || value === undefined
      ? '–'
      : typeof value === 'string'
        ? value
        : Number.isInteger(value)
          ? formatInteger(value)
          : formatNumber(value);
  return `<h3>${escapeText(title)}</h3><div class="scroll"><table><thead><tr>${columns.map((name, c) => cell('th', name, c)).join('')}</tr></thead>
<tbody>${rows.map((row) => `<tr>${columns.map((_, c) => cell('td', show(row[c]), c)).join('')}</tr>`).join('')}</tbody></table></div>`;
}

function renderRows(rows: readonly (readonly [string, Json])[]): string {
  const show = (value: Json) => (typeof value === 'string' ? value : JSON.stringify(value));
  return `<table>${rows.map(([name, value]) => `<tr><td>${escapeText(name)}</td><td class="mono">${escapeText(show(value))}</td></tr>`).join('')}</table>`;
}

function renderSettings(config: Json): string {
  const flat = (value: Json, prefix: string): [string, Json][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([key, inner]) => flat(inner, prefix === '' ? key : `${prefix}.${key}`))
      : [[prefix, value]];
  const rows = flat(config, '').filter(([name]) => name !== '');
  return rows.length > 0 ? renderRows(rows) : '';
}
