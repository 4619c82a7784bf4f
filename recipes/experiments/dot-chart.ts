// Grouped dots as SVG text: for every group (a setting) a dot for each run of every series (a method), and a line at their
// median. What is not finite (a run that diverged) is a cross on the upper edge.
import { type Axis, at, colours, escaped, line, plot, scaleOf, size, text, tickLabel } from './line-chart.ts';

export interface DotSeries {
  name: string;
  /** Values of each group. */
  groups: readonly (readonly number[])[];
}

export interface DotChart {
  title: string;
  /** Names of the groups, from left to right. */
  groups: readonly string[];
  y: Axis;
  series: readonly DotSeries[];
}

/** The median; ∞ where half or more are not finite; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.map((value) => (Number.isFinite(value) ? value : Number.POSITIVE_INFINITY));
  sorted.sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return sorted.length === 0 ? Number.NaN : (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

const legendColumns = 4;

/** One chart as an SVG document, of the size of a line chart. */
export function dotChart({ title, groups, y, series }: DotChart): string {
  const values = series.flatMap((each) => each.groups.flat());
  const up = scaleOf(y, values, [plot.bottom - 10, plot.top + 10]);
  const [groupWidth, top] = [(plot.right - plot.left) / groups.length, plot.top + 10];
  const slot = (0.86 * groupWidth) / series.length;
  const place = (group: number, index: number) =>
    plot.left + group * groupWidth + 0.07 * groupWidth + (index + 0.5) * slot;
  const inside = (value: number) => Number.isFinite(value) && value <= up.max;
  const draw = ({ groups: runs }: DotSeries, index: number): string[] => {
    const colour = colours[index % colours.length]!;
    return runs.flatMap((found, group) => {
      const x = place(group, index);
      const dots = found.map((value) =>
        inside(value)
          ? `<circle cx="${at(x)}" cy="${at(up.place(value))}" r="2.5" fill="${colour}"/>`
          : `<path d="M${at(x - 3)} ${top - 6}l6 6m0 -6l-6 6" stroke="${colour}" stroke-width="1.5"/>`,
      );
      const middle = median(found);
      if (found.length > 1 && inside(middle))
        dots.push(
          `<path d="M${at(x - slot / 2.5)} ${at(up.place(middle))}h${at(slot / 1.25)}" stroke="${colour}" stroke-width="2"/>`,
        );
      return dots;
    });
  };
  const legend = series.map(({ name }, index) => {
    const x = plot.left + ((index % legendColumns) * (plot.right - plot.left)) / legendColumns;
    const height = 40 + 16 * Math.floor(index / legendColumns);
    const dot = `<circle cx="${at(x + 5)}" cy="${height - 4}" r="4" fill="${colours[index % colours.length]}"/>`;
    return dot + text(x + 14, height, name, 'start');
  });
  const middle = (plot.top + plot.bottom) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${size.width}" height="${size.height}" fill="white"/>`,
    `<text x="${plot.left}" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...legend,
    ...up.ticks.map(
      (tick) =>
        line(plot.left, up.place(tick), plot.right, up.place(tick)) +
        text(plot.left - 8, up.place(tick) + 4, tickLabel(tick), 'end'),
    ),
    ...groups.map((name, group) => text(place(group, (series.length - 1) / 2), plot.bottom + 18, name, 'middle')),
    ...groups.slice(1).map((_, group) => {
      const x = plot.left + (group + 1) * groupWidth;
      return line(x, plot.top, x, plot.bottom, '#bbb');
    }),
    `<rect x="${plot.left}" y="${plot.top}" width="${plot.right - plot.left}" height="${plot.bottom - plot.top}" fill="none" stroke="#888"/>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
    ...series.flatMap(draw),
    '</svg>',
  ].join('\n');
}
