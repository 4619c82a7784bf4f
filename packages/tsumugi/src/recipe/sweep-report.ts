// What a sweep found: each metric of each combination over the seeds, and the curves of all combinations over each other.
import { type Spread, spreadOf } from '../base/index.ts';
import { meanCurves, type SpreadCurve } from '../draw/index.ts';
import { type Curve, formatSpread } from '../run/index.ts';
import { canonicalJson, type Json } from '../store/index.ts';
import type { StageMetric, Table } from './results.ts';
import type { SweepPoint } from './sweep.ts';

export interface SweepRow {
  readonly values: Readonly<Record<string, Json>>;
  readonly seeds: readonly number[];
  readonly metrics: readonly (Spread & { readonly name: string; readonly unit: string })[];
}

export interface SweepReport {
  readonly name: string;
  /** What differs: the names of the values. */
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

/** The sweeps among the stages of a recipe, as far as they are made. */
export function sweepsOf(stages: readonly SweptStage[]): SweepReport[] {
  const swept = stages.filter((stage) => stage.sweep !== undefined);
  return [...Map.groupBy(swept, ({ sweep }) => sweep!.sweep)].map(([name, own]) => {
    const names = own.map((stage) => stage.name);
    const groups = [...Map.groupBy(own, ({ sweep }) => canonicalJson(sweep!.values)).values()];
    const rows = groups.map((group) => rowOf(group, names));
    const keys = Object.keys(rows[0]!.values);
    const labels = rows.map(({ values }) => keys.map((key) => `${key} ${show(values[key])}`).join(', '));
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
    stage.metrics.map((metric) => ({ ...metric, name: without(metric.name, names) })),
  );
  return {
    values: group[0]!.sweep!.values,
    seeds: [...new Set(group.map(({ sweep }) => sweep!.seed))],
    metrics: [...Map.groupBy(metrics, ({ name }) => name)].map(([name, found]) => ({
      name,
      unit: found[0]!.unit,
      ...spreadOf(found.map(({ value }) => value)),
    })),
  };
}

/** An evaluation calls its metrics by the stage that made the model: of a sweep, that is another stage for each run. */
const without = (name: string, stages: readonly string[]): string => {
  const stage = stages.find((each) => name.startsWith(`${each}: `));
  return stage === undefined ? name : name.slice(stage.length + 2);
};

const show = (value: Json | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** A row for each combination, a column for each metric: the mean over the seeds, and its range. */
export function sweepTable({ name, keys, rows }: Pick<SweepReport, 'name' | 'keys' | 'rows'>): Table {
  const metrics = [...new Set(rows.flatMap((row) => row.metrics.map((metric) => metric.name)))];
  return {
    title: `${name}: mean (range) over the seeds`,
    columns: [...keys, 'seeds', ...metrics],
    rows: rows.map((row) => [
      ...keys.map((key) => show(row.values[key])),
      row.seeds.length,
      ...metrics.map((metric) => {
        const found = row.metrics.find((each) => each.name === metric);
        return found ? formatSpread(found) : null;
      }),
    ]),
  };
}
