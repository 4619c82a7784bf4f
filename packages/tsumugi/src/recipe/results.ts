// What a stage found out, for the report: single metrics, tables, and heatmaps that are looked at rather than read.
import { z } from 'zod';
import { type Spread, spreadOf } from '../base/index.ts';

export const metricSchema = z.strictObject({
  /** In words, e.g. "held-out bits per character". */
  name: z.string(),
  /** Null when it was not finite. */
  value: z.number().nullable(),
  /** "tokens", "s", "bytes", "%" or "" for a pure number. */
  unit: z.string(),
});

const cell = z.union([z.string(), z.number(), z.null()]);

export const tableSchema = z.strictObject({
  title: z.string(),
  columns: z.array(z.string()),
  /** One cell per column. */
  rows: z.array(z.array(cell)),
});

export const heatmapSchema = z.strictObject({
  title: z.string(),
  xLabel: z.string(),
  yLabel: z.string(),
  x: z.array(z.union([z.string(), z.number()])),
  y: z.array(z.union([z.string(), z.number()])),
  /** values[row of y][column of x]; null where nothing was measured. */
  values: z.array(z.array(z.number().nullable())),
  /** What the values are where they are no shares from 0 (bad) to 1 (good). */
  scale: z.strictObject({ unit: z.string(), worst: z.number(), best: z.number() }).optional(),
});

/** A number that a stage stands for. */
export type StageMetric = z.output<typeof metricSchema>;
export type Table = z.output<typeof tableSchema>;
/** Rows of cells, coloured from bad to good, e.g. depth × length. */
export type Heatmap = z.output<typeof heatmapSchema>;

/** A metric; a value that is not finite becomes null, as in events. */
export const metric = (name: string, value: number, unit = ''): StageMetric => ({
  name,
  value: Number.isFinite(value) ? value : null,
  unit,
});

/** A metric over several runs. */
export type MetricSpread = Spread & { readonly name: string; readonly unit: string };

/** The metrics of several runs, each by its name over all of them. */
export const metricSpreads = (metrics: readonly StageMetric[]): MetricSpread[] =>
  [...Map.groupBy(metrics, ({ name }) => name)].map(([name, own]) => ({
    name,
    unit: own[0]!.unit,
    ...spreadOf(own.map(({ value }) => value)),
  }));
