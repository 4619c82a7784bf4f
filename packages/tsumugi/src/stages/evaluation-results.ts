// What the evaluation of models comes to: figures, tables and grids for the report.
import { figure, type Given, type Grid, type StageFigure, type Table } from '../recipe/index.ts';
import { formatInteger } from '../run/index.ts';
import type { HeldOut, TaskFigures } from './evaluation-manifest.ts';

interface Results {
  figures: StageFigure[];
  tables: Table[];
  grids: Grid[];
}

export function resultsOf(
  models: readonly Given[],
  sequenceLengths: readonly number[],
  heldOut: readonly HeldOut[],
  tasks: readonly TaskFigures[],
): Results {
  const longest = Math.max(...sequenceLengths);
  const bits = heldOut.filter(({ sequenceLength }) => sequenceLength === longest);
  const main = tasks.map(({ model, task, metric, metrics }) =>
    figure(`${model}: ${task} ${metric}`, metrics[metric]?.value ?? Number.NaN),
  );
  const heldOutTable: Table = {
    title: 'Held-out bits per character, by the tokens of a row',
    columns: ['model', ...sequenceLengths.map(formatInteger)],
    rows: models.map(({ name }) => [
      name,
      ...heldOut.filter(({ model }) => model === name).map(({ bitsPerCharacter }) => bitsPerCharacter),
    ]),
  };
  const taskTable: Table = {
    title: 'Tasks, with 95 % intervals over their samples',
    columns: ['task', 'metric', 'model', 'value', 'from', 'to', 'samples'],
    rows: tasks.flatMap(({ task, model, metrics, n }) =>
      Object.entries(metrics).map(([metric, { value, low, high }]) => [task, metric, model, value, low, high, n]),
    ),
  };
  return {
    figures: [
      ...bits.map(({ model, bitsPerCharacter }) =>
        figure(`${model}: held-out bits per character in rows of ${formatInteger(longest)}`, bitsPerCharacter),
      ),
      ...main,
    ],
    tables: tasks.length > 0 ? [heldOutTable, taskTable] : [heldOutTable],
    grids: tasks.flatMap(({ grid }) => grid ?? []),
  };
}
