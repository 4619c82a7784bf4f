// Several runs beside each other: the settings that differ, curves, metrics. Runs that differ only in their seed are one group, with
// the mean, the range and the interval of each metric.
import { resolve, sep } from 'node:path';
import { ConfigError } from '../base/index.ts';
import { meanCurves, type SpreadCurve } from '../draw/index.ts';
import { type MetricSpread, metricSpreads } from '../recipe/index.ts';
import { type CurveAxis, curvesOf, settingText } from '../run/index.ts';
import { canonicalJson, type Json } from '../store/index.ts';
import type { RunSummary } from './read-run.ts';

export interface RunGroupSummary {
  /** The settings that tell it from the others, or the name of its run. */
  readonly name: string;
  readonly runs: readonly string[];
  readonly metrics: readonly MetricSpread[];
}

export interface Comparison {
  readonly runs: readonly RunSummary[];
  /** The settings that differ, by run. */
  readonly differences: readonly { readonly setting: string; readonly values: readonly (Json | undefined)[] }[];
  readonly groups: readonly RunGroupSummary[];
  readonly axis: CurveAxis;
  readonly curves: readonly SpreadCurve[];
}

/** Settings that change nothing of what is trained: where it is written, and how often something is logged, sampled or kept. */
const isIncidental = (setting: string) =>
  /(^|\.)(out|resume|checkpointEvery|keepLast|sampleEvery|gridEvery|logEvery)$/.test(setting);
const isSeed = (setting: string) => /(^|\.)seed$/.test(setting);

export function compareRuns(given: readonly RunSummary[], axis: CurveAxis = 'step'): Comparison {
  const runs = withNames(given);
  const settings = [...new Set(runs.flatMap(({ config }) => Object.keys(config)))].filter(
    (name) => !isIncidental(name),
  );
  const differences = settings
    .map((setting) => ({ setting, values: runs.map(({ config }) => config[setting]) }))
    .filter(({ values }) => new Set(values.map((value) => canonicalJson(value ?? null))).size > 1);
  const distinct = differences.filter(({ setting }) => !isSeed(setting)).map(({ setting }) => setting);
  const groupKey = ({ kind, config }: RunSummary) =>
    canonicalJson([kind, ...distinct.map((name) => config[name] ?? null)]);
  const groups = [...Map.groupBy(runs, groupKey).values()];
  const names = groups.map((group) => nameOf(group, distinct, groups.length));
  return {
    runs,
    differences,
    groups: groups.map((group, i) => ({
      name: names[i]!,
      runs: group.map(({ name }) => name),
      metrics: metricSpreads(group.flatMap((run) => run.metrics)),
    })),
    axis,
    curves: meanCurves(
      groups.map((group, i) => ({
        name: names[i]!,
        runs: group.map(({ measurements }) => curvesOf(measurements, axis)),
      })),
    ),
  };
}

/** A single run has its own name; several have the settings that tell them from other groups, unless those are too many. */
function nameOf(group: readonly RunSummary[], distinct: readonly string[], groups: number): string {
  const [first] = group;
  if (group.length === 1) return first!.name;
  const name = distinct.map((setting) => `${setting} ${settingText(first!.config[setting])}`).join(', ');
  return groups === 1 || name === '' || name.length > 60 ? `${first!.name} and ${group.length - 1} more` : name;
}

/** Names runs by their folders; where two would be the same, by more of their paths. @throws ConfigError for one run given twice */
function withNames(runs: readonly RunSummary[]): RunSummary[] {
  const parts = runs.map(({ path }) => resolve(path).split(sep));
  const endOf = (i: number, length: number) => parts[i]!.slice(-length).join('/');
  return runs.map((run, i) => {
    const others = runs.flatMap((_, j) => (j === i ? [] : [j]));
    for (let length = 1; length <= parts[i]!.length; length++)
      if (others.every((j) => endOf(j, length) !== endOf(i, length))) return { ...run, name: endOf(i, length) };
    throw new ConfigError('same-run', `${run.path} is given twice`, { remedy: 'Name each run once.' });
  });
}
