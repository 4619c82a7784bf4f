// A grid as a heat map: each cell's shade and number say how good it is.
import { formatNumber } from '../../run/index.ts';
import type { Grid } from '../results.ts';
import { escapeText, px } from './escape.ts';

const left = 74;
const top = 10;
const bottom = 44;
const row = 30;

export function renderGrid({ title, xLabel, yLabel, x, y, values, scale }: Grid): string {
  const column = Math.max(48, Math.min(88, 640 / x.length));
  const width = left + column * x.length + 8;
  const height = top + row * y.length + bottom;
  const cells = y.flatMap((yValue, r) =>
    x.map((xValue, c) => {
      const where = `${xLabel} ${xValue}, ${yLabel} ${yValue}`;
      return renderCell(values[r]?.[c] ?? null, scale, left + c * column, top + r * row, column, where);
    }),
  );
  const rowNames = y.map(
    (value, r) =>
      `<text x="${left - 10}" y="${px(top + r * row + row / 2 + 4)}" text-anchor="end">${escapeText(value)}</text>`,
  );
  const columnNames = x.map(
    (value, c) =>
      `<text x="${px(left + c * column + column / 2)}" y="${top + row * y.length + 18}" text-anchor="middle">${escapeText(value)}</text>`,
  );
  const middle = px(top + (row * y.length) / 2);
  return `<figure class="scroll"><figcaption>${escapeText(title)}</figcaption>
<svg viewBox="0 0 ${px(width)} ${px(height)}" style="max-width:${px(width)}px;min-width:${px(Math.min(width, 420))}px" role="img" aria-label="${escapeText(title)}">
${cells.join('')}${rowNames.join('')}${columnNames.join('')}
<text x="${px(left + (column * x.length) / 2)}" y="${px(height - 6)}" text-anchor="middle">${escapeText(xLabel)}</text>
<text transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${escapeText(yLabel)}</text></svg></figure>`;
}

function renderCell(
  value: number | null,
  scale: Grid['scale'],
  x: number,
  y: number,
  width: number,
  where: string,
): string {
  const box = `x="${px(x + 1)}" y="${px(y + 1)}" width="${px(width - 2)}" height="${row - 2}" rx="4"`;
  const cell = (tip: string, inside: string) =>
    `<g class="cell"><title>${escapeText(`${where}: ${tip}`)}</title>${inside}</g>`;
  if (value === null) return cell('not measured', `<rect ${box} fill="none" stroke="var(--grid)"/>`);
  const { worst, best } = scale ?? { worst: 0, best: 1 };
  const share = Math.round(100 * Math.min(1, Math.max(0, (value - worst) / (best - worst || 1))));
  const text = scale ? formatNumber(value) : `${Math.round(100 * value)} %`;
  // On the darker half the card's own colour is the readable one.
  const ink = share > 55 ? 'var(--card)' : 'var(--text)';
  return cell(
    scale ? `${text} ${scale.unit}` : text,
    `<rect ${box} fill="color-mix(in oklab, var(--heat-high) ${share}%, var(--heat-low))"/>` +
      `<text x="${px(x + width / 2)}" y="${px(y + row / 2 + 4)}" text-anchor="middle" style="fill:${ink}">${text}</text>`,
  );
}
