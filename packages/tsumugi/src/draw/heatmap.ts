// A heatmap as a picture: a colour and the number in every cell, the scale below.
import { displayWidth, fitWidth } from '../run/index.ts';
import { escapeText } from './escape.ts';
import { cellText, goodness, type Heatmap, heatColour, samplesText, unitOf } from './heat.ts';
import { COLUMN, type Picture, text } from './picture.ts';

const row = { height: 38, gap: 3 };
const legendWidth = 120;
/** Longer names of rows are cut; the tooltip of a cell has them whole. */
const nameColumns = 40;

const widthOf = (words: string) => displayWidth(words) * COLUMN;

export function heatmap(map: Heatmap): Picture {
  const names = map.y.map((name) => fitWidth(String(name), nameColumns));
  const heads = map.x.map((name) => fitWidth(String(name), 16));
  const left = Math.ceil(16 + Math.max(widthOf(map.yLabel), 0, ...names.map(widthOf)) + 12);
  const width = Math.max(64, Math.ceil(Math.max(0, ...heads.map(widthOf))) + 8);
  const pitch = { x: width + row.gap, y: row.height + row.gap };
  const top = 72;
  const bottom = top + names.length * pitch.y;
  const samples = samplesText(map);
  const end = `${cellText(map, map.scale?.best ?? 1)} ${unitOf(map)}`;
  const inner = Math.max(
    map.x.length * pitch.x - row.gap,
    widthOf(map.xLabel),
    widthOf(map.title) * 1.3 - left + 16,
    60 + legendWidth + widthOf(end) + (samples ? widthOf(samples) + 24 : 0) - left + 16,
  );
  const whole = Math.ceil(left + inner + 16);
  const middle = left + (map.x.length * pitch.x - row.gap) / 2;
  const cells = map.values.flatMap((values, y) =>
    values.map((value, x) => {
      const count = map.counts?.[y]?.[x];
      const of = count === undefined ? '' : `, ${count} sample${count === 1 ? '' : 's'}`;
      const found = value === null ? 'not measured' : `${cellText(map, value)} ${unitOf(map)}${of}`;
      const tooltip = `${map.yLabel} ${map.y[y]}, ${map.xLabel} ${map.x[x]}: ${found}`;
      return cell(map, value, left + x * pitch.x, top + y * pitch.y, width, tooltip);
    }),
  );
  const body = [
    text(16, 28, map.title, 'start', 'title strong'),
    text(left - 12, top - 10, map.yLabel, 'end'),
    ...heads.map((head, i) => text(left + i * pitch.x + width / 2, top - 10, head, 'middle', 'strong')),
    ...names.map((name, i) => text(left - 12, top + i * pitch.y + row.height / 2 + 4, name, 'end', 'strong')),
    ...cells,
    text(middle, bottom + 18, map.xLabel, 'middle'),
    legend(map, 16, bottom + 46, end),
    ...(samples ? [text(whole - 16, bottom + 46, samples, 'end')] : []),
  ].join('\n');
  return { title: map.title, width: whole, height: bottom + 62, body };
}

function cell(map: Heatmap, value: number | null, x: number, y: number, width: number, tooltip: string): string {
  const box = `x="${x}" y="${y}" width="${width}" height="${row.height}" rx="5"`;
  const number = (classes: string) =>
    text(x + width / 2, y + row.height / 2 + 4.5, cellText(map, value), 'middle', classes);
  const title = `<title>${escapeText(tooltip)}</title>`;
  if (value === null) return `<g>${title}<rect ${box} class="none"/>${number('')}</g>`;
  const { fill, ink } = heatColour(goodness(map, value));
  return `<g>${title}<rect ${box} fill="${fill}"/>${number(`cell ${ink}`)}</g>`;
}

/** The scale from worst to best, with its ends and its unit. */
function legend(map: Heatmap, x: number, y: number, end: string): string {
  const worst = cellText(map, map.scale?.worst ?? 0);
  const steps = 40;
  const start = x + widthOf(worst) + 8;
  const bars = Array.from({ length: steps }, (_, i) => {
    const { fill } = heatColour(i / (steps - 1));
    // One pixel wider than a step, so that no seams show.
    return `<rect x="${start + (i * legendWidth) / steps}" y="${y - 10}" width="${legendWidth / steps + 1}" height="10" fill="${fill}"/>`;
  });
  return [text(x, y, worst), ...bars, text(start + legendWidth + 9, y, end)].join('');
}
