// The report of a recipe: everything its stages found out, in one piece. `report.json` is this; `report.html` and the table
// on the terminal are made from it.
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { type Curve, codeCommit, readCurves, toJson } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import { type PlannedStage, whyMade } from './plan.ts';
import type { RecordedInput } from './record.ts';
import type { Heatmap, StageMetric, Table } from './results.ts';
import type { Uses } from './stage.ts';
import { pointOf, type SweepPoint } from './sweep.ts';
import { type SweepReport, sweepsOf } from './sweep-report.ts';

export type ReportState = 'unchanged' | 'made' | 'running' | 'interrupted' | 'failed' | 'waiting';

export interface ReportStage {
  readonly name: string;
  /** The name that `defineStage` gave it, e.g. "pretrain". */
  readonly definition: string;
  readonly definitionVersion: number;
  /** Other code and data that it uses, by version or hash. */
  readonly uses: Uses;
  /** The kind of its artefact. */
  readonly kind: string;
  readonly address: string;
  /** The artefact, relative to the recipe's folder. */
  readonly place: string;
  readonly state: ReportState;
  readonly why: string;
  readonly config: Json;
  readonly inputs: Readonly<Record<string, readonly RecordedInput[]>>;
  /** When it was complete, ISO 8601, and what it took; null while it is not. */
  readonly finished: string | null;
  readonly seconds: number | null;
  /** Hash of the artefact's content, and its bytes; null while there is none. */
  readonly sha256: string | null;
  readonly bytes: number | null;
  /** Its files, by their paths inside it. */
  readonly files: readonly string[];
  readonly metrics: readonly StageMetric[];
  readonly tables: readonly Table[];
  readonly heatmaps: readonly Heatmap[];
  readonly curves: readonly Curve[];
  /** Of a sweep: which of its runs the stage belongs to. */
  readonly sweep?: SweepPoint | undefined;
}

export interface RecipeReport {
  readonly format: 'tsumugi-report';
  readonly version: 1;
  readonly recipe: string;
  readonly summary: string;
  /** ISO 8601. */
  readonly written: string;
  readonly commit: string | null;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly node: string;
  };
  readonly config: Json;
  readonly stages: readonly ReportStage[];
  readonly sweeps?: readonly SweepReport[];
}

/** Describes a stage as it is now. */
export function reportStage(out: string, planned: PlannedStage, state: ReportState): ReportStage {
  const { stage, address, folder, place, inputs, uses, why, record } = planned;
  const result = record?.result ?? null;
  return {
    name: stage.name,
    definition: stage.definition.name,
    definitionVersion: stage.definition.version,
    uses,
    kind: stage.kind,
    address,
    place: relative(out, place),
    state,
    why: state === 'made' ? whyMade(why) : why,
    config: stage.config,
    inputs,
    finished: result?.finished ?? null,
    seconds: result?.seconds ?? null,
    sha256: result?.sha256 ?? null,
    bytes: result ? Object.values(result.files).reduce((sum, { bytes }) => sum + bytes, 0) : null,
    files: Object.keys(result?.files ?? {}),
    metrics: result?.metrics ?? [],
    tables: result?.tables ?? [],
    heatmaps: result?.heatmaps ?? [],
    curves: state === 'waiting' ? [] : readCurves(join(folder, 'events.jsonl')),
    sweep: pointOf(stage),
  };
}

export function makeReport(
  { name, summary }: { name: string; summary: string },
  config: unknown,
  stages: readonly ReportStage[],
): RecipeReport {
  return {
    format: 'tsumugi-report',
    version: 1,
    recipe: name,
    summary,
    written: new Date().toISOString(),
    commit: codeCommit(),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      node: process.versions.node,
    },
    config: toJson(config, 'config'),
    stages,
    sweeps: sweepsOf(stages),
  };
}
