// What every chart has around its plot: title, legend, frame, ticks and the names of the axes.
import { displayWidth, fitWidth } from '../run/index.ts';
import { seriesColours } from './colours.ts';
import { escapeText, px } from './escape.ts';
import { legendOf } from './legend.ts';
import { COLUMN, type Picture, text } from './picture.ts';
import type { Axis, Scale } from './scale.ts';

export const chartWidth = 560;
const plotHeight = 210;
const right = chartWidth - 16;

export const colourClass = (index: number) => `c${index % seriesColours}`;

export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Frame {
  readonly title: string;
  readonly names: readonly string[];
  readonly x: string;
  readonly y: Axis;
  /** Draws the legend's marker of a name. */
  marker(index: number, x: number, y: number): string;
  /** The vertical scale of a plot from top to bottom. */
  yScaleOf(plot: Pick<Plot, 'top' | 'bottom'>): Scale;
  /** Draws what stands in the plot, and the ticks below it. */
  drawPlot(plot: Plot, yScale: Scale): string;
}

export function framed({ title, names, x, y, marker, yScaleOf, drawPlot }: Frame): Picture {
  const legend = legendOf(names, { left: 16, right, y: 32 }, marker);
  const top = 38 + legend.height;
  const bottom = top + plotHeight;
  const yScale = yScaleOf({ top, bottom });
  // Long numbers get the room they need.
  const left = 38 + COLUMN * Math.max(2, ...yScale.ticks.map((tick) => displayWidth(tick.text)));
  const plot = { left, right, top, bottom };
  const rows = yScale.ticks.map(({ value, text: label }) => {
    const at = yScale.place(value);
    return `<path class="grid" d="M${px(left)} ${px(at)}H${right}"/>${text(left - 8, at + 4, label, 'end')}`;
  });
  const columns = Math.floor((chartWidth - 32) / (COLUMN * 1.3));
  const middle = (top + bottom) / 2;
  const body = [
    text(16, 22, fitWidth(title, columns), 'start', 'title strong'),
    legend.body,
    ...rows,
    drawPlot(plot, yScale),
    `<rect class="frame" x="${px(left)}" y="${px(top)}" width="${px(right - left)}" height="${plotHeight}"/>`,
    text((left + right) / 2, bottom + 36, fitWidth(x, 60), 'middle'),
    y.label === ''
      ? ''
      : `<text transform="translate(16 ${px(middle)}) rotate(-90)" text-anchor="middle">${escapeText(fitWidth(y.label, 34))}</text>`,
  ].join('\n');
  return { title, width: chartWidth, height: bottom + (x === '' ? 28 : 46), body };
}
