// Curves over an axis: lines with a spread, on linear or logarithmic axes. What is not finite (a run that diverged), or beyond
// the axis, breaks its line and is a cross on the upper edge.
import { formatNumber } from '../run/index.ts';
import { seriesColours } from './colours.ts';
import { escapeText, px } from './escape.ts';
import { colourClass, framed } from './frame.ts';
import { type Picture, text } from './picture.ts';
import { type Point, perColumn } from './points.ts';
import { type Axis, type Scale, scaleOf } from './scale.ts';

export interface Series {
  readonly name: string;
  /** What the legend says after the name, e.g. the last value. */
  readonly note?: string;
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** How a spread is drawn: bars beside each other at one x (the default), or bands. */
  readonly spread?: 'bars' | 'band';
}

/** When the colours are used up, they begin again with another line. */
const dashes = ['', '7 3', '2 3', '9 3 2 3'];
/** Curves of at most so many points have a dot at each. */
const maxDots = 40;

export function lineChart({ title, x, y, series, spread = 'bars' }: LineChart): Picture {
  const points = series.flatMap((each) => each.points);
  const values = points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);
  const stroke = (i: number) => {
    const dash = dashes[Math.floor(i / seriesColours) % dashes.length]!;
    return `fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round"${dash && ` stroke-dasharray="${dash}"`}`;
  };
  return framed({
    title,
    names: series.map(({ name, note }) => (note === undefined ? name : `${name} ${note}`)),
    x: x.label,
    y,
    marker: (i, left, middle) => `<path class="${colourClass(i)}" d="M${px(left)} ${px(middle)}h26" ${stroke(i)}/>`,
    yScaleOf: ({ top, bottom }) => scaleOf(y, values, [bottom - 10, top + 10]),
    drawPlot(plot, yScale) {
      const xScale = scaleOf(
        x,
        points.map((point) => point.x),
        [plot.left + 18, plot.right - 18],
      );
      const ticks = xScale.ticks.map(({ value, text: label }) => {
        const at = xScale.place(value);
        return `<path class="grid" d="M${px(at)} ${px(plot.top)}V${px(plot.bottom)}"/>${text(at, plot.bottom + 17, label, 'middle')}`;
      });
      const isSpread = spread === 'bars' && points.some((point) => point.low !== undefined);
      const curves = series.map((each, i) => {
        // Bars at one x stand beside each other.
        const shift = isSpread && each.points.length <= maxDots ? 3 * (i - (series.length - 1) / 2) : 0;
        const shown = { ...each, points: perColumn(each.points, xScale) };
        return `<g class="${colourClass(i)}">${drawSeries(shown, { xScale, yScale, shift, top: plot.top, x, stroke: stroke(i), spread })}</g>`;
      });
      return [...ticks, ...curves].join('\n');
    },
  });
}

interface Placement {
  xScale: Scale;
  yScale: Scale;
  shift: number;
  top: number;
  x: Axis;
  stroke: string;
  spread: 'bars' | 'band';
}

function drawSeries(
  { name, points }: Series,
  { xScale, yScale, shift, top, x, stroke, spread: look }: Placement,
): string {
  const placed = points
    .filter((point) => xScale.has(point.x))
    .map((point) => ({ ...point, px: xScale.place(point.x) + shift, drawn: yScale.has(point.y) }));
  const path = placed.map(({ px: at, y, drawn }, i) =>
    drawn ? `${placed[i - 1]?.drawn ? 'L' : 'M'}${px(at)} ${px(yScale.place(y))}` : '',
  );
  const isFew = points.length <= maxDots;
  const spread = placed.filter(({ low, high }) => low !== undefined && high !== undefined && yScale.has(low));
  const topOf = (high: number) => (yScale.has(high) ? yScale.place(high) : top);
  const bars =
    isFew && look === 'bars'
      ? spread.map(
          (p) => `<path d="M${px(p.px)} ${px(yScale.place(p.low!))}V${px(topOf(p.high!))}" stroke="currentColor"/>`,
        )
      : spread.length > 1
        ? [band(spread.map((p) => [p.px, yScale.place(p.low!), topOf(p.high!)]))]
        : [];
  const marks = placed.map(({ px: at, x: value, y, drawn }, i) => {
    const tip = `<title>${escapeText(`${name}, ${x.label} ${value.toLocaleString('en-US')}: ${Number.isFinite(y) ? formatNumber(y) : 'not finite'}`)}</title>`;
    if (drawn) {
      const alone = !placed[i - 1]?.drawn && !placed[i + 1]?.drawn;
      const look = isFew || alone ? 'r="3" fill="currentColor"' : 'r="5" fill="transparent"';
      return `<circle cx="${px(at)}" cy="${px(yScale.place(y))}" ${look}>${tip}</circle>`;
    }
    // Of many points in a row that are not finite, only the first has a cross.
    if (!isFew && i > 0 && !placed[i - 1]!.drawn) return '';
    return `<path d="M${px(at - 4)} ${px(top - 4)}l8 8m0 -8l-8 8" stroke="currentColor" stroke-width="2">${tip}</path>`;
  });
  return [`<path d="${path.join('')}" ${stroke}/>`, ...bars, ...marks].join('');
}

/** The area between low and high. */
function band(edges: readonly (readonly [x: number, low: number, high: number])[]): string {
  const there = edges.map(([x, low]) => `${px(x)} ${px(low)}`);
  const back = edges.toReversed().map(([x, , high]) => `${px(x)} ${px(high)}`);
  return `<path d="M${[...there, ...back].join('L')}Z" fill="currentColor" fill-opacity="0.16"/>`;
}
