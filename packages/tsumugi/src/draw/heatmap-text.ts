// A heatmap for a terminal: a block in every cell, the fuller the better, and the number beside it.
import { displayWidth, padEnd, padStart } from '../run/index.ts';
import { cellText, goodness, type Heatmap, samplesText, unitOf } from './heat.ts';

const shades = { blocks: [' ', '░', '▒', '▓', '█'], ascii: [' ', '.', '-', '+', '#'] };
const WIDTH = 3;

/** Lines without a final line end. `ascii` for terminals that have no blocks. */
export function heatmapText(map: Heatmap, { ascii = false }: { ascii?: boolean } = {}): string {
  const levels = ascii ? shades.ascii : shades.blocks;
  const cells = map.values.map((row) => row.map((value) => cellText(map, value)));
  const numberWidth = Math.max(
    ...cells.flat().map(displayWidth),
    ...map.x.map((x) => displayWidth(String(x)) - WIDTH - 1),
  );
  const rowNames = map.y.map(String);
  const nameWidth = Math.max(displayWidth(map.yLabel), ...rowNames.map(displayWidth));
  const row = (name: string, columns: readonly string[]) => [padEnd(name, nameWidth), ...columns].join('  ').trimEnd();
  const shade = (value: number | null) => {
    const level = value === null ? 0 : Math.round(goodness(map, value) * (levels.length - 1));
    return levels[level]!.repeat(WIDTH);
  };
  const notes = [unitOf(map), samplesText(map)].filter((note) => note !== '').join('; ');
  return [
    `${map.title} (${notes})`,
    row(
      map.yLabel,
      map.x.map((x) => padStart(String(x), WIDTH + 1 + numberWidth)),
    ),
    ...map.values.map((values, y) =>
      row(
        rowNames[y]!,
        values.map((value, x) => `${shade(value)} ${padStart(cells[y]![x]!, numberWidth)}`),
      ),
    ),
    row('', [map.xLabel]),
  ].join('\n');
}
