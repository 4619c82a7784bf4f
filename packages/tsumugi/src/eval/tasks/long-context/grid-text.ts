// A grid for a terminal: a block in every cell, the fuller the better, and the number beside it.
import { displayWidth } from '../../../run/index.ts';
import type { Grid } from '../../task.ts';

const shades = { blocks: [' ', '░', '▒', '▓', '█'], ascii: [' ', '.', '-', '+', '#'] };
const WIDTH = 3;

/** Where a value stands between worst (0) and best (1). */
export function goodness(grid: Grid, value: number): number {
  const { worst, best } = grid.scale ?? { worst: 0, best: 1 };
  if (worst === best) return 1;
  return Math.min(1, Math.max(0, (value - worst) / (best - worst)));
}

/** Shares in per cent, anything else with two decimals; "–" where nothing was measured. */
export function cellText(grid: Grid, value: number | null): string {
  if (value === null) return '–';
  return grid.scale ? value.toFixed(2) : String(Math.round(value * 100));
}

export const unitOf = (grid: Grid) => grid.scale?.unit ?? 'per cent';

/** "5 samples per value", "4 to 7 samples per value", or nothing where they are not known. */
export function samplesText({ counts }: Grid): string {
  const numbers = (counts ?? []).flat();
  if (numbers.length === 0) return '';
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return `${least === most ? most : `${least} to ${most}`} sample${most === 1 ? '' : 's'} per value`;
}

const padEnd = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - displayWidth(text)));
const padStart = (text: string, width: number) => ' '.repeat(Math.max(0, width - displayWidth(text))) + text;

/** Lines without a final line end. `ascii` for terminals that have no blocks. */
export function gridText(grid: Grid, { ascii = false }: { ascii?: boolean } = {}): string {
  const levels = ascii ? shades.ascii : shades.blocks;
  const cells = grid.values.map((row) => row.map((value) => cellText(grid, value)));
  const numberWidth = Math.max(
    ...cells.flat().map(displayWidth),
    ...grid.x.map((x) => displayWidth(String(x)) - WIDTH - 1),
  );
  const rowNames = grid.y.map(String);
  const nameWidth = Math.max(displayWidth(grid.yLabel), ...rowNames.map(displayWidth));
  const row = (name: string, columns: readonly string[]) => [padEnd(name, nameWidth), ...columns].join('  ').trimEnd();
  const shade = (value: number | null) => {
    const level = value === null ? 0 : Math.round(goodness(grid, value) * (levels.length - 1));
    return levels[level]!.repeat(WIDTH);
  };
  const notes = [unitOf(grid), samplesText(grid)].filter((note) => note !== '').join('; ');
  return [
    `${grid.title} (${notes})`,
    row(
      grid.yLabel,
      grid.x.map((x) => padStart(String(x), WIDTH + 1 + numberWidth)),
    ),
    ...grid.values.map((values, y) =>
      row(
        rowNames[y]!,
        values.map((value, x) => `${shade(value)} ${padStart(cells[y]![x]!, numberWidth)}`),
      ),
    ),
    row('', [grid.xLabel]),
  ].join('\n');
}
