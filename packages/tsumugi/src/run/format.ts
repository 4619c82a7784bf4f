// Durations, times, sizes, counts and metrics as people read them: in the progress line, forecasts and reports.
import type { Spread } from '../base/index.ts';

const pad = (value: number) => String(value).padStart(2, '0');

/** Seconds as "850 ms", "12.3 s", "3 min 20 s", "1 h 05 min" or "2 d 03 h". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`;
}

/** Three significant digits with the largest unit that leaves at least 1. */
function scaled(value: number, base: number, units: readonly string[]): [string, string] {
  let unit = 0;
  // 999.5 would round to four digits: it belongs to the next unit.
  while (unit < units.length - 1 && Math.abs(value) >= (unit === 0 ? base : Math.min(base, 999.5))) {
    value /= base;
    unit++;
  }
  if (unit === 0) return [String(Math.round(value)), units[0]!];
  const digits = Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
  return [value.toFixed(digits), units[unit]!];
}

/** Bytes as "512 B", "1.50 KiB", "12.3 MiB" (powers of 1,024). */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–';
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']).join(' ');
}

/** A count as "9,999", "12.3K", "18.3M" or "1.29B". */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return '–';
  if (Math.abs(count) < 9999.5) return formatInteger(count);
  return scaled(count, 1000, ['', 'K', 'M', 'B', 'T']).join('');
}

/** A count in full: "1,291,441,920". */
export function formatInteger(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A loss or a norm: four significant digits, "NaN" and "Infinity" as such. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2);
  return value.toFixed(size < 10 ? 3 : size < 100 ? 2 : 1);
}

/** "1,234 tokens", "3.142 bits", "12.3 MiB", "4 min 10 s". */
export function formatMetric({ value, unit }: { value: number | null; unit: string }): string {
  if (value === null) return 'not finite';
  if (unit === 's') return formatDuration(value);
  if (unit === 'bytes') return formatBytes(value);
  const number = Number.isInteger(value) ? formatInteger(value) : formatNumber(value);
  return unit === '' ? number : `${number} ${unit}`;
}

/** "3.142 bits (3.100–3.200) ± 0.040": mean, range and, with `interval`, half of the 95 % interval; one value where all are equal. */
export function formatSpread(
  { n, mean, least, greatest, high, lost, unit }: Spread & { unit: string },
  { interval = false }: { interval?: boolean } = {},
): string {
  if (mean === null) return lost > 0 ? `not finite in ${lost} of ${n}` : '–';
  if (n < 2 || least === greatest) return formatMetric({ value: mean, unit });
  const isWhole = [mean, least, greatest].every(Number.isInteger);
  // Each duration and each size has a unit that fits it; any other unit stands once, after the mean.
  const isScaled = unit === 's' || unit === 'bytes';
  const show = (value: number) =>
    isScaled || isWhole ? formatMetric({ value, unit: isScaled ? unit : '' }) : formatNumber(value);
  const half =
    interval && high !== null
      ? ` ± ${isScaled ? formatMetric({ value: high - mean, unit }) : formatNumber(high - mean)}`
      : '';
  return `${show(mean)}${isScaled || unit === '' ? '' : ` ${unit}`} (${show(least!)}–${show(greatest!)})${half}`;
}

/** ISO 8601 → local "2026-11-22 10:26". */
export function formatTime(iso: string): string {
  const date = new Date(iso);
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join('-');
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}
