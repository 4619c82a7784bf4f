// A line chart as SVG: curves over steps.
import type { Curve } from '../../run/index.ts';
import { formatCount, formatInteger, formatNumber } from '../../run/index.ts';
import { escapeText, px } from './escape.ts';

const width = 520;
const height = 210;
const margin = { left: 52, right: 14, top: 12, bottom: 26 };
const colours = ['var(--accent)', 'var(--second)', 'var(--third)', 'var(--fourth)'];

/** Round numbers that cover low … high, about `count` of them. */
export function niceTicks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step + 0); // no −0
  return ticks;
}

/** A tick's text; `spacing` decides how many digits are needed. */
function tickText(value: number, spacing: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 10_000) return formatCount(value);
  if (Math.abs(value) < 1e-3) return Number(value.toPrecision(2)).toExponential();
  return value.toFixed(Math.min(6, Math.max(0, -Math.floor(Math.log10(spacing) + 1e-9))));
}

/** A figure with a caption that names each curve with its last value, finite or not; '' when nothing was measured. */
export function renderChart(title: string, curves: readonly Curve[]): string {
  const points = curves.flatMap((curve) => curve.points);
  const values = points.map(([, y]) => y).filter((y) => y !== null);
  if (points.length === 0) return '';
  const caption = `<figcaption>${escapeText(title)}</figcaption><p class="legend">${curves.map((curve, i) => legendOf(title, curve, i)).join('')}</p>`;
  if (values.length === 0) return `<figure>${caption}</figure>`;
  const xs = points.map(([x]) => x);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  const [y0, y1] = [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
  const x = (step: number) => margin.left + ((step - x0) / (x1 - x0 || 1)) * (width - margin.left - margin.right);
  const y = (value: number) => margin.top + (1 - (value - y0) / (y1 - y0)) * (height - margin.top - margin.bottom);

  const yTicks = niceTicks(y0, y1, 4);
  const spacing = yTicks.length > 1 ? yTicks[1]! - yTicks[0]! : Math.abs(yTicks[0]!) || 1;
  const rows = yTicks.map(
    (value) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${px(y(value))}" y2="${px(y(value))}" stroke="var(--grid)"/>` +
      `<text x="${margin.left - 8}" y="${px(y(value) + 4)}" text-anchor="end">${tickText(value, spacing)}</text>`,
  );
  const columns = niceTicks(x0, x1, 5).filter(Number.isInteger).map(
    (step) => `<text x="${px(x(step))}" y="${height - 6}" text-anchor="middle">${formatInteger(step)}</text>`,
  ); // biome-ignore format: one call
  const lines = curves.map((curve, i) => renderCurve(curve, colours[i % colours.length]!, x, y));
  return `<figure>${caption}
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(title)}">${rows.join('')}${columns.join('')}${lines.join('')}</svg></figure>`;
}

/** The name of a curve, with its colour, and its last value. */
function legendOf(title: string, { name, points }: Curve, index: number): string {
  const last = points.at(-1)?.[1];
  if (last === undefined) return '';
  const mark = `<i style="background:${colours[index % colours.length]}"></i>`;
  const text = name === title ? 'last' : `${mark}${escapeText(name)}`;
  const value = last === null ? 'not finite' : last >= 10_000 ? formatCount(last) : formatNumber(last);
  return `<span>${text} ${value}</span>`;
}

type Scale = (value: number) => number;

/** The line, broken where nothing finite was measured, and a dot with a tooltip for each point when they are few. */
function renderCurve({ name, points }: Curve, colour: string, x: Scale, y: Scale): string {
  let path = '';
  let drawing = false;
  for (const [step, value] of points) {
    if (value !== null) path += `${drawing ? 'L' : 'M'}${px(x(step))} ${px(y(value))}`;
    drawing = value !== null;
  }
  const few = points.length <= 40;
  const dots = points
    .filter(([, value]) => value !== null)
    .map(([step, value]) => {
      const tip = `<title>${escapeText(name)}, step ${formatInteger(step)}: ${formatNumber(value!)}</title>`;
      const look = few ? `r="3" fill="${colour}"` : 'r="5" fill="transparent"';
      return `<circle cx="${px(x(step))}" cy="${px(y(value!))}" ${look}>${tip}</circle>`;
    });
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>${dots.join('')}`;
}
