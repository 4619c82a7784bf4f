// From values to places on an axis: linear and logarithmic scales, round ticks and their texts. For pictures and text alike.

export interface Axis {
  readonly label: string;
  readonly log?: boolean;
  /** Where the axis ends. The largest value that can be drawn when left out. */
  readonly max?: number;
  /** Only whole numbers stand on it, e.g. steps. */
  readonly whole?: boolean;
}

export interface Scale {
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** Where a value is, between the two ends. */
  place(value: number): number;
  /** Whether it has a place: finite, not beyond the axis, above 0 on a logarithmic one. */
  has(value: number): boolean;
}

/** Larger values are not drawn: their sums and differences might not be finite. */
const largest = 1e300;

/** Maps the values that can be drawn onto places between two ends; a single value stands in the middle. */
export function scaleOf(axis: Axis, values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const { log = false, whole = false } = axis;
  const usable = values.filter((value) => Math.abs(value) < largest && (!log || value > 0));
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of usable) [min, max] = [Math.min(min, value), Math.max(max, value)];
  max = axis.max ?? max;
  min = Math.min(min, max);
  const has = (value: number) => Math.abs(value) < largest && (!log || value > 0) && value <= max;
  if (usable.length === 0) return { ticks: [], place: () => (from + to) / 2, has: () => false };
  const inner = log ? Math.log10 : (value: number) => value;
  const [low, high] = [inner(min), inner(max)];
  // Between numbers that are almost the same there are no round ones.
  const least = log ? 1e-9 : Math.max(1e-300, 1e-9 * Math.max(Math.abs(low), Math.abs(high)));
  const flat = !(high - low > least);
  const place = (value: number) =>
    flat ? (from + to) / 2 : from + ((inner(value) - low) / (high - low)) * (to - from);
  const found = flat ? [max] : log ? logTicks(low, high) : niceTicks(low, high, 5, whole ? 1 : 0);
  const spacing = found.length > 1 ? found[1]! - found[0]! : Math.abs(found[0] ?? 1) || 1;
  const most = Math.max(...found.map(Math.abs));
  const ticks = found.map((value) => ({ value, text: log ? logText(value) : tickText(value, spacing, most) }));
  return { ticks, place, has };
}

/** Round numbers in low … high, about `count` of them, `least` or more apart. */
export function niceTicks(low: number, high: number, count: number, least = 0): number[] {
  if (!(high > low)) return [low];
  const rough = Math.max(least, (high - low) / count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * (1 - 1e-9))!;
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step + 0); // no −0
  return ticks;
}

/** Powers of ten between two logarithms; 1, 2 and 5 of each where those are few. */
function logTicks(low: number, high: number): number[] {
  const decades = Array.from({ length: Math.floor(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
  const inside = (exponent: number) => exponent >= low - 1e-9 && exponent <= high + 1e-9;
  if (high - low < 2.5) {
    const fine = decades.flatMap((decade) => [1, 2, 5].map((factor) => factor * 10 ** decade));
    const found = fine.filter((tick) => inside(Math.log10(tick)));
    return found.length > 1 ? found : niceTicks(10 ** low, 10 ** high, 4);
  }
  const every = Math.ceil((high - low) / 7);
  return decades.filter((decade) => decade % every === 0 && inside(decade)).map((decade) => 10 ** decade);
}

const units: readonly (readonly [number, number, string])[] = [
  [1e12, 1e12, 'T'],
  [1e9, 1e9, 'B'],
  [1e6, 1e6, 'M'],
  [1e4, 1e3, 'K'],
  [0, 1, ''],
];

/** As many digits as the spacing needs, in the unit of the largest tick of the axis. */
function tickText(value: number, spacing: number, most: number): string {
  if (value === 0) return '0';
  if (most < 1e-3 || most >= 1e15) {
    const digits = Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(spacing) + 1e-9);
    return value.toExponential(Math.min(20, Math.max(0, digits))).replace('+', '');
  }
  const [, unit, name] = units.find(([from]) => most >= from)!;
  const decimals = Math.min(9, Math.max(0, -Math.floor(Math.log10(spacing / unit) + 1e-9)));
  return withDecimals(decimals).format(value / unit) + name;
}

/** Number of digits after the point → what writes them. It takes long to make. */
const formats = new Map<number, Intl.NumberFormat>();

function withDecimals(decimals: number): Intl.NumberFormat {
  let format = formats.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(decimals, format);
  }
  return format;
}

function logText(value: number): string {
  if (value >= 1e5 || value < 1e-3) return Number(value.toPrecision(6)).toExponential().replace('+', '');
  return String(Number(value.toPrecision(6)));
}
