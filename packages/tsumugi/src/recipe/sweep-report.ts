// What a sweep came to: each metric of each combination over the seeds, and charts with a curve for each combination.
import { meanCurves, type SpreadCurve } from '../draw/index.ts';
import { type Curve, formatSpread, settingText } from '../run/index.ts';
import { canonicalJson, type Json } from '../store/index.ts';
import { type MetricSpread, metricSpreads, type StageMetric, type Table } from './results.ts';
import type { SweepPoint } from './sweep.ts';

export interface SweepRow {
  readonly values: Readonly<Record<string, Json>>;
  readonly seeds: readonly number[];
  readonly metrics: readonly MetricSpread[];
}

export interface SweepReport {
  readonly name: string;
  /** The names of the values that differ. */
  readonly keys: readonly string[];
  readonly rows: readonly SweepRow[];
  readonly curves: readonly SpreadCurve[];
}

interface SweptStage {
  readonly name: string;
  readonly sweep?: SweepPoint | undefined;
  readonly metrics: readonly StageMetric[];
  readonly curves: readonly Curve[];
}

/** The sweeps of a recipe, as far as their stages are made. */
export function sweepsOf(stages: readonly SweptStage[]): SweepReport[] {
  const swept = stages.filter((stage) => stage.sweep !== undefined);
  return [...Map.groupBy(swept, ({ sweep }) => sweep!.sweep)].map(([name, own]) => {
    const names = own.map((stage) => stage.name);
    const groups = [...Map.groupBy(own, ({ sweep }) => canonicalJson(sweep!.values)).values()];
    const rows = groups.map((group) => rowOf(group, names));
    const keys = Object.keys(rows[0]!.values);
    const labels = rows.map(({ values }) => keys.map((key) => `${key} ${settingText(values[key])}`).join(', '));
    return {
      name,
      keys,
      rows,
      curves: meanCurves(groups.map((group, i) => ({ name: labels[i]!, runs: group.map(({ curves }) => curves) }))),
    };
  });
}

function rowOf(group: readonly SweptStage[], names: readonly string[]): SweepRow {
  const metrics = group.flatMap((stage) =>
    stage.metrics.map((metric) => ({ ...metric, name: withoutStage(metric.name, names) })),
  );
  return {
    values: group[0]!.sweep!.values,
    seeds: [...new Set(group.map(({ sweep }) => sweep!.seed))],
    metrics: metricSpreads(metrics),
  };
}

/** An evaluation puts the name of the model's stage before its metrics. In a sweep each run has another one: it is cut off. */
const withoutStage = (name: string, stages: readonly string[]): string => {
  const stage = stages.find((each) => name.startsWith(`${each}: `));
  return stage === undefined ? name : name.slice(stage.length + 2);
};

/** A row for each combination, a column for each metric: the mean over the seeds, and its range. */
export function sweepTable({ name, keys, rows }: Pick<SweepReport, 'name' | 'keys' | 'rows'>): Table {
  const metrics = [...new Set(rows.flatMap((row) => row.metrics.map((metric) => metric.name)))];
  return {
    title: `${name}: mean (range) over the seeds`,
    columns: [...keys, 'seeds', ...metrics],
    rows: rows.map((row) => [
      ...keys.map((key) => settingText(row.values[key])),
      row.seeds.length,
      ...metrics.map((metric) => {
        const found = row.metrics.find((each) => each.name === metric);
        return found ? formatSpread(found) : null;
      }),
    ]),
  };
}
