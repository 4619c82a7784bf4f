// A heatmap: values in rows and columns, coloured by how good they are. Its numbers, notes and colours, for pictures and text.

export interface Heatmap {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly x: readonly (string | number)[];
  readonly y: readonly (string | number)[];
  /** values[row of y][column of x]; null where nothing was measured. */
  readonly values: readonly (readonly (number | null)[])[];
  /** Samples behind each value. */
  readonly counts?: readonly (readonly number[])[] | undefined;
  /** What the values are, and which is worst and which best; left out for shares from 0 (bad) to 1 (good). */
  readonly scale?: { readonly unit: string; readonly worst: number; readonly best: number } | undefined;
}

/** Where a value stands between worst (0) and best (1). */
export function goodness({ scale }: Heatmap, value: number): number {
  const { worst, best } = scale ?? { worst: 0, best: 1 };
  if (worst === best) return 1;
  return Math.min(1, Math.max(0, (value - worst) / (best - worst)));
}

/** Shares in per cent, anything else with two decimals; "–" where nothing was measured. */
export function cellText({ scale }: Heatmap, value: number | null): string {
  if (value === null) return '–';
  return scale ? value.toFixed(2) : String(Math.round(value * 100));
}

export const unitOf = ({ scale }: Heatmap) => scale?.unit ?? 'per cent';

/** "5 samples per value", "4 to 7 samples per value", or nothing where they are not known. */
export function samplesText({ counts }: Heatmap): string {
  const numbers = (counts ?? []).flat();
  if (numbers.length === 0) return '';
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return `${least === most ? most : `${least} to ${most}`} sample${most === 1 ? '' : 's'} per value`;
}

type Rgb = readonly [number, number, number];
/** From worst to best: persimmon, peach, unbleached silk, pale and deep indigo; the colour-blind tell them apart. */
const stops: readonly Rgb[] = [
  [201, 88, 44],
  [233, 176, 134],
  [246, 236, 214],
  [146, 178, 210],
  [38, 78, 138],
];

function rgbOf(goodness: number): Rgb {
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

/** The colour of a cell, `#rrggbb`, and the class of the ink that can be read on it. */
export function heatColour(goodness: number): { fill: string; ink: 'on-dark' | 'on-light' } {
  const rgb = rgbOf(goodness);
  const fill = `#${rgb.map((c) => c.toString(16).padStart(2, '0')).join('')}`;
  return { fill, ink: luminance(rgb) < DARK ? 'on-dark' : 'on-light' };
}
