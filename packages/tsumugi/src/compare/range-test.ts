// What a learning-rate range test shows: the loss while the rate rises, and at which rates it falls fastest, is lowest, and is lost.
// Smith 2017, arXiv 1506.01186, section 3.3, takes the rates between which a model learns; that the steepest fall of the smoothed
// loss is a good peak is the rule of fast.ai's and Lightning's finders.
import { htmlPictures, htmlSection, lineChart, type Picture } from '../draw/index.ts';
import type { StageMetric } from '../recipe/index.ts';

export interface RangeTest {
  readonly points: readonly { readonly lr: number; readonly loss: number; readonly smoothed: number }[];
  /** Where the smoothed loss falls fastest over the logarithm of the rate. Null when it never falls. */
  readonly steepest: number | null;
  /** Where the smoothed loss is lowest. */
  readonly lowest: number;
  /**
   * The first rate past the lowest loss at which the smoothed loss is above that of the beginning; otherwise the last that gave a
   * number, when the run ended there; null when neither.
   */
  readonly diverged: number | null;
}

/** @param isCut whether the run ended before its last step because the loss was no longer finite */
export function rangeTest(steps: readonly { lr: number; loss: number }[], isCut: boolean): RangeTest | undefined {
  if (steps.length < 3) return undefined;
  const last = steps.length - 1;
  // A mean over a twentieth of the steps, as wide to either side.
  const half = Math.max(1, Math.round(steps.length / 40));
  const points = steps.map(({ lr, loss }, i) => {
    const reach = Math.min(half, i, last - i);
    const part = steps.slice(i - reach, i + reach + 1);
    return { lr, loss, smoothed: part.reduce((sum, each) => sum + each.loss, 0) / part.length };
  });
  const lowest = points.reduce((least, { smoothed }, i) => (smoothed < points[least]!.smoothed ? i : least), 0);
  let [steepest, fastest] = [-1, 0];
  // The first means have fewer neighbours: there a slope is mostly noise.
  for (let i = half; i < Math.min(lowest + 1, last); i++) {
    const [before, after] = [points[i - 1]!, points[i + 1]!];
    const slope = (after.smoothed - before.smoothed) / Math.log(after.lr / before.lr);
    if (slope < fastest) [steepest, fastest] = [i, slope];
  }
  const lost = points.find(({ smoothed }, i) => i > lowest && smoothed > points[0]!.smoothed);
  return {
    points,
    steepest: points[steepest]?.lr ?? null,
    lowest: points[lowest]!.lr,
    diverged: lost?.lr ?? (isCut ? points[last]!.lr : null),
  };
}

const names = {
  steepest: 'learning rate where the loss falls fastest',
  lowest: 'learning rate where the loss is lowest',
  diverged: 'learning rate where it diverges',
} as const;

export const rangeTestMetrics = (found: RangeTest): StageMetric[] =>
  Object.entries(names).flatMap(([key, name]) => {
    const value = found[key as keyof typeof names];
    return value === null ? [] : [{ name, value, unit: '' }];
  });

function rangeTestChart({ points }: RangeTest): Picture {
  return lineChart({
    title: 'loss against learning rate',
    x: { label: 'learning rate', log: true },
    // The loss of a diverged run would dwarf the part that matters.
    y: { label: '', max: 1.5 * points[0]!.smoothed },
    series: [
      { name: 'smoothed', points: points.map(({ lr, smoothed }) => ({ x: lr, y: smoothed })) },
      { name: 'loss', points: points.map(({ lr, loss }) => ({ x: lr, y: loss })) },
    ],
  });
}

export const rangeTestSection = (found: RangeTest): string =>
  htmlSection(
    'Learning-rate range test',
    'the rate where the smoothed loss falls fastest is a peak to begin with; the one where it is lowest is too high',
    htmlPictures([rangeTestChart(found)]),
  );
