// Rows as a table for a terminal.
import type { Row } from './row.ts';

/** Three significant digits, thousands separated. */
export function format(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
}

const percent = (value: number) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
const pair = (summary: { median: number; best: number } | undefined, show = format) =>
  summary ? `${show(summary.median)} (${show(summary.best)})` : '';

const headings = ['', 'unit', 'ours: median (best)', 'peer: median (best)', 'speed: ours ÷ peer', 'share of', 'goal'];

export function table(rows: readonly Row[]): string {
  if (rows.length === 0) return '  (no results)';
  const cells = rows.map((row) => [
    row.name,
    row.unit,
    pair(row.ours),
    pair(row.peer),
    pair(row.speed, (ratio) => `${ratio.toFixed(2)}×`),
    row.share ? `${row.share.of}: ${percent(row.share.value)}` : '',
    row.goal ? `${row.goal.met ? 'met' : 'MISSED'} ${row.goal.text}` : '',
  ]);
  const used = headings.map((_, column) => column < 3 || cells.some((line) => line[column] !== ''));
  const lines = [headings, ...cells].map((line) => line.filter((_, column) => used[column]));
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const drawn = lines.map((line) =>
    `  ${line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd(),
  );
  drawn.splice(1, 0, `  ${widths.map((width) => '─'.repeat(width)).join('  ')}`);
  return drawn.join('\n');
}
