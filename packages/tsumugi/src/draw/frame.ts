// What charts have around what they show: title, legend, frame, ticks and the names of the axes.
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
  /** Draws the sign of a name. */
  sign(index: number, x: number, y: number): string;
  /** The vertical scale, for a plot of this height. */
  up(plot: Pick<Plot, 'top' | 'bottom'>): Scale;
  /** What stands in the plot, with its horizontal ticks. */
  inside(plot: Plot, up: Scale): string;
}

export function framed({ title, names, x, y, sign, up: scale, inside }: Frame): Picture {
  const legend = legendOf(names, { left: 16, right, y: 32 }, sign);
  const top = 38 + legend.height;
  const bottom = top + plotHeight;
  const up = scale({ top, bottom });
  // Long numbers get the room they need.
  const left = 38 + COLUMN * Math.max(2, ...up.ticks.map((tick) => displayWidth(tick.text)));
  const plot = { left, right, top, bottom };
  const rows = up.ticks.map(({ value, text: label }) => {
    const at = up.place(value);
    return `<path class="grid" d="M${px(left)} ${px(at)}H${right}"/>${text(left - 8, at + 4, label, 'end')}`;
  });
  const columns = Math.floor((chartWidth - 32) / (COLUMN * 1.3));
  const middle = (top + bottom) / 2;
  const body = [
    text(16, 22, fitWidth(title, columns), 'start', 'title strong'),
    legend.body,
    ...rows,
    inside(plot, up),
    `<rect class="frame" x="${px(left)}" y="${px(top)}" width="${px(right - left)}" height="${plotHeight}"/>`,
    text((left + right) / 2, bottom + 36, fitWidth(x, 60), 'middle'),
    y.label === ''
      ? ''
      : `<text transform="translate(16 ${px(middle)}) rotate(-90)" text-anchor="middle">${escapeText(fitWidth(y.label, 34))}</text>`,
  ].join('\n');
  return { title, width: chartWidth, height: bottom + (x === '' ? 28 : 46), body };
}
