// A grid as a picture: one self-contained SVG, readable on light and dark pages, by the colour-blind (orange to blue, and the
// number in every cell) and by screen readers (title and description). Pure: the same grid gives the same text.
import { displayWidth } from '../../../run/index.ts';
import type { Grid } from '../../task.ts';
import { cellText, goodness, samplesText, unitOf } from './grid-text.ts';

const CELL = { width: 64, height: 38, gap: 3, radius: 5 };
const FONT = 13;
/** Width of a column of a terminal at this font size, about. */
const COLUMN = 7.2;

type Rgb = readonly [number, number, number];
/** From worst to best: persimmon, peach, unbleached silk, pale and deep indigo. */
const stops: readonly Rgb[] = [
  [201, 88, 44],
  [233, 176, 134],
  [246, 236, 214],
  [146, 178, 210],
  [38, 78, 138],
];

function colour(goodness: number): Rgb {
  const place = goodness * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [stops[below]!, stops[below + 1]!];
  const [r, g, b] = from.map((c, i) => Math.round(c + (to[i]! - c) * (place - below)));
  return [r!, g!, b!];
}

/** sRGB channel to linear light (IEC 61966-2-1). */
const toLinear = (c: number) => (c <= 10.31475 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
/** Relative luminance (WCAG 2.1): which ink can be read on it. */
const luminance = ([r, g, b]: Rgb) => 0.2126 * toLinear(r) + 0.7152 * toLinear(g) + 0.0722 * toLinear(b);
/** Where black and white ink have the same contrast. */
const DARK = 0.179;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => escapes[character]!);
const widthOf = (text: string) => displayWidth(text) * COLUMN;
const hex = (rgb: Rgb) => `#${rgb.map((c) => c.toString(16).padStart(2, '0')).join('')}`;

const style = [
  '.tg{font:13px system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans CJK JP",sans-serif}',
  '.tg text{fill:currentColor}.tg .faint{opacity:.65}',
  '.tg .none{fill:none;stroke:currentColor;stroke-opacity:.4;stroke-dasharray:3 3}',
  '.tg .title{font-weight:600;font-size:15px}.tg .cell{font-variant-numeric:tabular-nums;font-weight:500}',
  '.tg .on-dark{fill:#fff}.tg .on-light{fill:#1f2328}',
].join('');
/** For a file of its own: the page is as light or dark as the reader likes it. */
const ownColours = '.tg{color:#1f2328}@media (prefers-color-scheme:dark){.tg{color:#e6edf3}}';

type Anchor = 'start' | 'middle' | 'end';

function label(text: string, x: number, y: number, classes: string, anchor: Anchor = 'start'): string {
  return `<text x="${x}" y="${y}" class="${classes}" text-anchor="${anchor}">${escapeXml(text)}</text>`;
}

function cell(grid: Grid, value: number | null, x: number, y: number, hint: string): string {
  const box = `x="${x}" y="${y}" width="${CELL.width}" height="${CELL.height}" rx="${CELL.radius}"`;
  const [middle, baseline] = [x + CELL.width / 2, y + CELL.height / 2 + FONT * 0.36];
  const title = `<title>${escapeXml(hint)}</title>`;
  if (value === null)
    return `<g>${title}<rect ${box} class="none"/>${label('–', middle, baseline, 'faint', 'middle')}</g>`;
  const fill = colour(goodness(grid, value));
  const ink = luminance(fill) < DARK ? 'on-dark' : 'on-light';
  const number = label(cellText(grid, value), middle, baseline, `cell ${ink}`, 'middle');
  return `<g>${title}<rect ${box} fill="${hex(fill)}"/>${number}</g>`;
}

const LEGEND = 120;

/** The scale from worst to best, with its ends and its unit. */
function legend(grid: Grid, x: number, y: number): string {
  const { worst, best } = grid.scale ?? { worst: 0, best: 1 };
  const steps = 40;
  const start = x + widthOf(cellText(grid, worst)) + 8;
  const bars = Array.from({ length: steps }, (_, i) => {
    const fill = hex(colour(i / (steps - 1)));
    // One pixel wider than a step, so that no seams show.
    return `<rect x="${start + (i * LEGEND) / steps}" y="${y - 10}" width="${LEGEND / steps + 1}" height="10" fill="${fill}"/>`;
  });
  return [
    label(cellText(grid, worst), x, y, 'faint'),
    ...bars,
    label(`${cellText(grid, best)} ${unitOf(grid)}`, start + LEGEND + 9, y, 'faint'),
  ].join('');
}

/**
 * The picture of a grid: an `<svg>` element, for a file of its own; with `inPage`, for a page whose text colour it takes over.
 */
export function gridSvg(grid: Grid, { inPage = false }: { inPage?: boolean } = {}): string {
  const names = grid.y.map(String);
  const left = Math.ceil(16 + Math.max(widthOf(grid.yLabel), ...names.map(widthOf)) + 12);
  const top = 72;
  const pitch = { x: CELL.width + CELL.gap, y: CELL.height + CELL.gap };
  const bottom = top + names.length * pitch.y;
  const samples = samplesText(grid);
  const legendWidth = 60 + LEGEND + widthOf(`${cellText(grid, grid.scale?.best ?? 1)} ${unitOf(grid)}`);
  const inner = Math.max(
    ...[grid.x.length * pitch.x - CELL.gap, widthOf(grid.xLabel), widthOf(grid.title) * 1.2 - left + 16],
    legendWidth + (samples ? widthOf(samples) + 24 : 0) - left + 16,
  );
  const [width, height] = [Math.ceil(left + inner + 16), bottom + 62];
  const middle = left + (grid.x.length * pitch.x - CELL.gap) / 2;
  const parts = [
    label(grid.title, 16, 28, 'title'),
    label(grid.yLabel, left - 12, top - 10, 'faint', 'end'),
    ...grid.x.map((x, i) => label(String(x), left + i * pitch.x + CELL.width / 2, top - 10, '', 'middle')),
    ...names.map((name, i) => label(name, left - 12, top + i * pitch.y + CELL.height / 2 + FONT * 0.36, '', 'end')),
    ...grid.values.flatMap((row, y) =>
      row.map((value, x) => {
        const count = grid.counts?.[y]?.[x];
        const of = count === undefined ? '' : `, ${count} sample${count === 1 ? '' : 's'}`;
        const hint = `${grid.yLabel} ${names[y]}, ${grid.xLabel} ${grid.x[x]}: ${cellText(grid, value)} ${unitOf(grid)}${of}`;
        return cell(grid, value, left + x * pitch.x, top + y * pitch.y, hint);
      }),
    ),
    label(grid.xLabel, middle, bottom + 18, 'faint', 'middle'),
    legend(grid, 16, bottom + 46),
    ...(samples ? [label(samples, width - 16, bottom + 46, 'faint', 'end')] : []),
  ];
  const description = `${grid.yLabel} by ${grid.xLabel}, ${unitOf(grid)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="tg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(grid.title)}">`,
    `<title>${escapeXml(grid.title)}</title><desc>${escapeXml(description)}</desc><style>${style}${inPage ? '' : ownColours}</style>`,
    ...parts,
    '</svg>',
  ].join('\n');
}
