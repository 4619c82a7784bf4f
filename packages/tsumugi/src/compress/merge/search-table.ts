// The candidates of a search as a table in Markdown, the best by the first score on top.
import type { Score } from './pareto.ts';

export interface RankedRow {
  readonly set: readonly string[];
  readonly scores: readonly Score[];
  readonly front: boolean;
}

/** The best by the first score come first. */
export function ranked<T extends RankedRow>(rows: readonly T[]): T[] {
  const key = ({ scores: [first] }: T) => (first!.lowerIsBetter ? first!.value : -first!.value);
  return rows.toSorted((a, b) => key(a) - key(b));
}

const nameOf = (set: string) => set.slice(0, set.indexOf('='));
const settingOf = (set: string) => set.slice(set.indexOf('=') + 1);

export function searchTable(rows: readonly RankedRow[]): string {
  const [first] = rows;
  const names = first!.scores.map(({ name, lowerIsBetter }) => `${name} ${lowerIsBetter ? '↓' : '↑'}`);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const header = ['', ...first!.set.map(nameOf), ...names];
  const body = ranked(rows).map(({ set, scores, front }) =>
    line([front ? '●' : '', ...set.map(settingOf), ...scores.map(({ value }) => value.toPrecision(6))]),
  );
  return `${line(header)}${line(header.map(() => '---'))}${body.join('')}\n● no other candidate is as good in every score and better in one.\n`;
}
