// Several runs beside each other: what they were set to differently, their curves over each other, their metrics. Runs that
// differ in nothing but their seed are one group, of which means, ranges and intervals speak.
import { resolve, sep } from 'node:path';
import { ConfigError, type Spread, spreadOf } from '../base/index.ts';
import { meanCurves, type SpreadCurve } from '../draw/index.ts';
import { type CurveAxis, curvesOf } from '../run/index.ts';
import { canonicalJson, type Json } from '../store/index.ts';
import type { RunSummary } from './read-run.ts';

export interface RunGroupSummary {
  /** What sets it apart, or the name of its run. */
  readonly name: string;
  readonly runs: readonly string[];
  readonly metrics: readonly (Spread & { readonly name: string; readonly unit: string })[];
}

export interface Comparison {
  readonly runs: readonly RunSummary[];
  /** The settings that differ, by run. */
  readonly differences: readonly { readonly setting: string; readonly values: readonly (Json | undefined)[] }[];
  readonly groups: readonly RunGroupSummary[];
  readonly axis: CurveAxis;
  readonly curves: readonly SpreadCurve[];
}

/** Where a run is says nothing of what it does, nor does how often it is shown, looked at and kept. */
const isPlace = (setting: string) =>
  /(^|\.)(out|resume|checkpointEvery|keepLast|sampleEvery|gridEvery|logEvery)$/.test(setting);
const isSeed = (setting: string) => /(^|\.)seed$/.test(setting);

export function compareRuns(given: readonly RunSummary[], axis: CurveAxis = 'step'): Comparison {
  const runs = withNames(given);
  const settings = [...new Set(runs.flatMap(({ config }) => Object.keys(config)))].filter((name) => !isPlace(name));
  const differences = settings
    .map((setting) => ({ setting, values: runs.map(({ config }) => config[setting]) }))
    .filter(({ values }) => new Set(values.map((value) => canonicalJson(value ?? null))).size > 1);
  const telling = differences.filter(({ setting }) => !isSeed(setting)).map(({ setting }) => setting);
  const apart = ({ kind, config }: RunSummary) => canonicalJson([kind, ...telling.map((name) => config[name] ?? null)]);
  const groups = [...Map.groupBy(runs, apart).values()];
  const names = groups.map((group) => nameOf(group, telling, groups.length));
  return {
    runs,
    differences,
    groups: groups.map((group, i) => ({
      name: names[i]!,
      runs: group.map(({ name }) => name),
      metrics: metricsOver(group),
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

function metricsOver(group: readonly RunSummary[]): RunGroupSummary['metrics'] {
  const metrics = group.flatMap((run) => run.metrics);
  return [...Map.groupBy(metrics, ({ name }) => name)].map(([name, found]) => ({
    name,
    unit: found[0]!.unit,
    ...spreadOf(found.map(({ value }) => value)),
  }));
}

/** A single run has its name; several are called by the settings that set them apart, as long as those are few. */
function nameOf(group: readonly RunSummary[], telling: readonly string[], groups: number): string {
  const [first] = group;
  if (group.length === 1) return first!.name;
  const name = telling.map((setting) => `${setting} ${show(first!.config[setting])}`).join(', ');
  return groups === 1 || name === '' || name.length > 60 ? `${first!.name} and ${group.length - 1} more` : name;
}

/** Folders of one name (`a/run`, `b/run`) have so much of their paths as tells them apart. @throws ConfigError for one run given twice */
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

export const show = (value: Json | undefined): string =>
  value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value);
