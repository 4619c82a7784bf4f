// What the evaluation of models comes to: metrics, tables and heatmaps for the report.
import { type Heatmap, metric, type StageInput, type StageMetric, type Table } from '../recipe/index.ts';
import { formatInteger } from '../run/index.ts';
import type { HeldOut, TaskMetrics } from './evaluation-manifest.ts';

interface Results {
  metrics: StageMetric[];
  tables: Table[];
  heatmaps: Heatmap[];
}

export function resultsOf(
  models: readonly StageInput[],
  sequenceLengths: readonly number[],
  heldOut: readonly HeldOut[],
  tasks: readonly TaskMetrics[],
): Results {
  const longest = Math.max(...sequenceLengths);
  const bits = heldOut.filter(({ sequenceLength }) => sequenceLength === longest);
  const taskMetrics = tasks.map(({ model, task, metric: name, metrics }) =>
    metric(`${model}: ${task} ${name}`, metrics[name]?.value ?? Number.NaN),
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
      Object.entries(metrics).map(([name, { value, low, high }]) => [task, name, model, value, low, high, n]),
    ),
  };
  return {
    metrics: [
      ...bits.map(({ model, bitsPerCharacter }) =>
        metric(`${model}: held-out bits per character in rows of ${formatInteger(longest)}`, bitsPerCharacter),
      ),
      ...taskMetrics,
    ],
    tables: tasks.length > 0 ? [heldOutTable, taskTable] : [heldOutTable],
    heatmaps: tasks.flatMap(({ heatmap }) => heatmap ?? []),
  };
}
