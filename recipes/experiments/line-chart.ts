// Line charts as SVG text, for the pictures of experiments: series of points with a spread, linear or logarithmic axes,
// and a grid of charts. Pure functions; colours that colour-blind people tell apart (Okabe & Ito 2008).

export interface Point {
  x: number;
  /** Not finite (a run that diverged), or beyond the axis: a cross on the chart's upper edge. */
  y: number;
  /** The spread around y, drawn as a bar. */
  low?: number;
  high?: number;
}

export interface Series {
  name: string;
  points: readonly Point[];
}

export interface Axis {
  label: string;
  log?: boolean;
  /** Where the axis ends. The largest finite value when left out. */
  max?: number;
}

export interface Chart {
  title: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
}

export const size = { width: 560, height: 380 };
export const plot = { left: 72, right: 544, top: 66, bottom: 332 };
export const colours = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#000000', '#56B4E9'];
const dashes = ['', '7 3', '2 3', '9 3 2 3', '', '7 3'];

export const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
export const at = (value: number) => value.toFixed(1);

/** One chart as an SVG document. */
export function lineChart({ title, x, y, series }: Chart): string {
  const points = series.flatMap((each) => each.points);
  const across = scaleOf(
    x,
    points.map((point) => point.x),
    [plot.left + 18, plot.right - 18],
  );
  const values = points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);
  const up = scaleOf(y, values, [plot.bottom - 10, plot.top + 10]);
  const grid = [
    ...across.ticks.map(
      (tick) =>
        line(across.place(tick), plot.top, across.place(tick), plot.bottom) +
        text(across.place(tick), plot.bottom + 18, tickLabel(tick), 'middle'),
    ),
    ...up.ticks.map(
      (tick) =>
        line(plot.left, up.place(tick), plot.right, up.place(tick)) +
        text(plot.left - 8, up.place(tick) + 4, tickLabel(tick), 'end'),
    ),
  ];
  const middle = (plot.top + plot.bottom) / 2;
  const legends = legendPlaces(series.map(({ name }) => name));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${size.width}" height="${size.height}" fill="white"/>`,
    `<text x="${plot.left}" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...grid,
    `<rect x="${plot.left}" y="${plot.top}" width="${plot.right - plot.left}" height="${plot.bottom - plot.top}" fill="none" stroke="#888"/>`,
    text((plot.left + plot.right) / 2, size.height - 12, x.label, 'middle'),
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
    ...series.map((each, i) => drawSeries(each, i, legends, across, up)),
    '</svg>',
  ].join('\n');
}

/** Charts beside each other, in rows of `columns`, as one SVG document. */
export function chartGrid(charts: readonly string[], columns: number): string {
  const width = size.width * Math.min(columns, charts.length);
  const height = size.height * Math.ceil(charts.length / columns);
  const placed = charts.map((chart, i) =>
    chart.replace('<svg ', `<svg x="${(i % columns) * size.width}" y="${Math.floor(i / columns) * size.height}" `),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">\n${placed.join('\n')}\n</svg>\n`;
}

function drawSeries(
  { name, points }: Series,
  index: number,
  legends: readonly number[],
  across: Scale,
  up: Scale,
): string {
  const colour = colours[index % colours.length]!;
  const shift = 3 * (index - (legends.length - 1) / 2); // so that spreads at one x stand beside each other
  const inside = (value: number) => Number.isFinite(value) && value <= up.max;
  const placed = points.map((point) => ({ ...point, px: across.place(point.x) + shift, drawn: inside(point.y) }));
  const path = placed.map(({ px, y, drawn }, i) => {
    const command = i > 0 && placed[i - 1]!.drawn ? 'L' : 'M';
    return drawn ? `${command}${at(px)} ${at(up.place(y))}` : '';
  });
  const bars = placed.flatMap(({ px, low, high }) => {
    if (low === undefined || high === undefined || !inside(low)) return [];
    const top = inside(high) ? up.place(high) : plot.top;
    return line(px, up.place(low), px, top, colour);
  });
  const marks = placed.map(({ px, y, drawn }) =>
    drawn
      ? `<circle cx="${at(px)}" cy="${at(up.place(y))}" r="3" fill="${colour}"/>`
      : `<path d="M${at(px - 4)} ${plot.top - 4}l8 8m0 -8l-8 8" stroke="${colour}" stroke-width="2"/>`,
  );
  const legend = legends[index]!;
  const stroke = `fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes[index % dashes.length]}"`;
  return [
    `<path d="${path.join('')}" ${stroke}/>`,
    ...bars,
    ...marks,
    `<path d="M${at(legend)} 42h26" ${stroke}/>`,
    text(legend + 31, 46, name, 'start'),
  ].join('\n');
}

/** Where each name of the legend begins: what is left of the line beside the names is shared out between them. */
function legendPlaces(names: readonly string[]): number[] {
  const widths = names.map((name) => 31 + 6.3 * name.length); // of the line and of 12-pixel letters, on average
  const free = plot.right - plot.left - widths.reduce((sum, width) => sum + width, 0);
  const gap = Math.min(40, free / Math.max(1, names.length - 1));
  return widths.map((_, i) => plot.left + widths.slice(0, i).reduce((sum, width) => sum + width + gap, 0));
}

export interface Scale {
  max: number;
  ticks: number[];
  /** Where a value is on the page. */
  place(value: number): number;
}

/** Maps the finite values (up to `axis.max`) onto the pixels from … to. */
export function scaleOf(axis: Axis, values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const { log = false } = axis;
  const usable = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const max = axis.max ?? Math.max(...usable);
  const min = Math.min(...usable, max);
  const inner = log ? Math.log10 : (value: number) => value;
  const [low, high] = [inner(min), inner(max)];
  const span = high - low || 1;
  const place = (value: number) => from + ((inner(value) - low) / span) * (to - from);
  return { max, ticks: ticksOf(low, high, log), place };
}

/** From low to high (logarithms, where `log`): round numbers, or powers of ten; 1, 2 and 5 of each where those are few. */
function ticksOf(low: number, high: number, log: boolean): number[] {
  if (log && high - low < 2.5) {
    const decades = Array.from({ length: Math.floor(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
    const fine = decades.flatMap((decade) => [1, 2, 5].map((factor) => factor * 10 ** decade));
    return fine.filter((tick) => Math.log10(tick) >= low - 1e-9 && Math.log10(tick) <= high + 1e-9);
  }
  const rough = (high - low) / 6 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const step = log ? Math.max(1, Math.round(nice)) : nice;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (log ? 10 ** ((first + i) * step) : (first + i) * step));
}

export function tickLabel(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) return value.toExponential(0).replace('+', '');
  return String(Number(value.toPrecision(6)));
}

export const line = (x1: number, y1: number, x2: number, y2: number, colour = '#ddd') =>
  `<path d="M${at(x1)} ${at(y1)}L${at(x2)} ${at(y2)}" stroke="${colour}"/>`;
export const text = (x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end') =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
