// Curves as CSV (RFC 4180): a row for each number, every one that was measured, with what says when.
import type { RunSummary } from './read-run.ts';

const columns = ['run', 'chart', 'curve', 'step', 'tokens', 'seconds', 'value'];

/** Text with a comma, a quote or a line end stands in quotes. */
const cell = (value: string | number | null): string => {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** What was not finite is an empty value. */
export function curvesCsv(runs: readonly RunSummary[]): string {
  const rows = runs.flatMap(({ name, measurements }) =>
    measurements.map(({ chart, name: curve, step, tokens, seconds, value }) => [
      name,
      chart,
      curve,
      step,
      tokens,
      seconds,
      value,
    ]),
  );
  return [columns, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
