// Grouped dots: in every group (a setting), each series (a method) has a dot for each of its runs and a line at their median. A value
// that is not finite (a run that diverged) is a cross on the upper edge.
import { displayWidth, fitWidth } from '../run/index.ts';
import { px } from './escape.ts';
import { colourClass, framed } from './frame.ts';
import { COLUMN, type Picture, text } from './picture.ts';
import { type Axis, scaleOf } from './scale.ts';

export interface DotSeries {
  readonly name: string;
  /** Values of each group. */
  readonly groups: readonly (readonly number[])[];
}

export interface DotChart {
  readonly title: string;
  /** Names of the groups, from left to right. */
  readonly groups: readonly string[];
  readonly y: Axis;
  readonly series: readonly DotSeries[];
}

/** The median; ∞ where half or more are not finite; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.map((value) => (Number.isFinite(value) ? value : Number.POSITIVE_INFINITY));
  sorted.sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return sorted.length === 0 ? Number.NaN : (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

export function dotChart({ title, groups, y, series }: DotChart): Picture {
  const values = series.flatMap((each) => each.groups.flat());
  return framed({
    title,
    names: series.map(({ name }) => name),
    x: '',
    y,
    marker: (i, x, middle) =>
      `<circle class="${colourClass(i)}" cx="${px(x + 13)}" cy="${px(middle)}" r="4" fill="currentColor"/>`,
    yScaleOf: ({ top, bottom }) => scaleOf(y, values, [bottom - 10, top + 10]),
    drawPlot({ left, right, top, bottom }, yScale) {
      const groupWidth = (right - left) / groups.length;
      const slot = (0.86 * groupWidth) / series.length;
      const place = (group: number, index: number) =>
        left + group * groupWidth + 0.07 * groupWidth + (index + 0.5) * slot;
      const draw = ({ groups: runs }: DotSeries, index: number): string => {
        const marks = runs.flatMap((found, group) => {
          const x = place(group, index);
          const dots = found.map((value) =>
            yScale.has(value)
              ? `<circle cx="${px(x)}" cy="${px(yScale.place(value))}" r="2.5" fill="currentColor"/>`
              : `<path d="M${px(x - 3)} ${px(top + 4)}l6 6m0 -6l-6 6" stroke="currentColor" stroke-width="1.5"/>`,
          );
          const middle = median(found);
          if (found.length > 1 && yScale.has(middle))
            dots.push(
              `<path d="M${px(x - slot / 2.5)} ${px(yScale.place(middle))}h${px(slot / 1.25)}" stroke="currentColor" stroke-width="2"/>`,
            );
          return dots;
        });
        return `<g class="${colourClass(index)}">${marks.join('')}</g>`;
      };
      const columns = Math.max(2, Math.floor(groupWidth / COLUMN) - 1);
      return [
        ...groups.map((name, group) =>
          text(
            left + (group + 0.5) * groupWidth,
            bottom + 18,
            displayWidth(name) > columns ? fitWidth(name, columns) : name,
            'middle',
          ),
        ),
        ...groups
          .slice(1)
          .map(
            (_, group) => `<path class="grid" d="M${px(left + (group + 1) * groupWidth)} ${px(top)}V${px(bottom)}"/>`,
          ),
        ...series.map(draw),
      ].join('\n');
    },
  });
}
