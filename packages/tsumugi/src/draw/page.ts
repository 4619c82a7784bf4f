// Pages: one HTML file that needs nothing else, with inline style, inline SVG and no scripts; and the parts of them.
import { isObject } from '../base/index.ts';
import { type Curve, formatInteger, formatMetric, formatNumber, settingText } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import { curveCharts } from './curves.ts';
import { escapeText } from './escape.ts';
import { pageStyle } from './page-style.ts';
import { type Picture, svgElement } from './picture.ts';

export interface Page {
  readonly title: string;
  readonly summary: string;
  readonly facts: readonly string[];
  /** HTML. */
  readonly sections: readonly string[];
  /** HTML. */
  readonly footer: string;
}

export function htmlPage({ title, summary, facts, sections, footer }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<header>
<h1>${escapeText(title)}</h1>
<p class="soft">${escapeText(summary)}</p>
<p class="facts small soft">${facts.map((fact) => `<span>${escapeText(fact)}</span>`).join('')}</p>
</header>
${sections.join('\n')}
<footer class="soft small">${footer}</footer>
</main>
</body>
</html>
`;
}

/** A part of a page with a heading. */
export const htmlSection = (title: string, note: string, content: string): string => `<section>
<div class="head"><h2>${escapeText(title)}</h2><span class="soft small">${escapeText(note)}</span></div>
${content}
</section>`;

interface PageMetric {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
}

export function htmlMetrics(metrics: readonly PageMetric[]): string {
  return metrics.length > 0 ? `<dl class="metrics">${metrics.map(htmlMetric).join('')}</dl>` : '';
}

function htmlMetric(metric: PageMetric): string {
  const text = formatMetric(metric);
  const unit = metric.unit !== '' && text.endsWith(` ${metric.unit}`) ? metric.unit : '';
  const value = unit === '' ? text : text.slice(0, -unit.length - 1);
  return `<div><dt>${escapeText(metric.name)}</dt><dd>${escapeText(value)}${unit && ` <small>${escapeText(unit)}</small>`}</dd></div>`;
}

export function htmlPictures(pictures: readonly Picture[]): string {
  if (pictures.length === 0) return '';
  return `<div class="charts">${pictures.map((picture) => `<figure class="scroll">${svgElement(picture)}</figure>`).join('\n')}</div>`;
}

export const htmlCharts = (curves: readonly Curve[]): string => htmlPictures(curveCharts(curves));

export interface PageTable {
  readonly title: string;
  readonly columns: readonly string[];
  /** One cell per column. */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

export function htmlTable({ title, columns, rows }: PageTable): string {
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

/** Names and what they are, as a table without a head. */
export function htmlRows(rows: readonly (readonly [string, Json])[]): string {
  return `<table>${rows.map(([name, value]) => `<tr><td>${escapeText(name)}</td><td class="mono">${escapeText(settingText(value))}</td></tr>`).join('')}</table>`;
}

export function htmlSettings(config: Json): string {
  const rows = Object.entries(flatSettings(config));
  return rows.length > 0 ? htmlRows(rows) : '';
}

/** Nested settings by their path: { optimizer: { lr } } → { 'optimizer.lr' }. */
export function flatSettings(config: Json): Record<string, Json> {
  const flat = (value: Json, prefix: string): [string, Json][] =>
    isObject(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([key, inner]) => flat(inner, prefix === '' ? key : `${prefix}.${key}`))
      : [[prefix, value]];
  return Object.fromEntries(flat(config, '').filter(([name]) => name !== ''));
}
