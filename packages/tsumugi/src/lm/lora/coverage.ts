// What adapters cover of a model: a row for each kind of linear map, so that a kind that was forgotten is seen before step 1.
import type { Plamo2Config } from '../config.ts';
import { linearMaps, resolveTargets, type TargetOptions } from './targets.ts';

export interface CoverageRow {
  kind: string;
  /** Maps that get adapters, of all of the kind. */
  matched: number;
  all: number;
  /** Numbers of the adapters, and of the maps of the kind. */
  trained: number;
  parameters: number;
}

export interface Coverage {
  rows: readonly CoverageRow[];
  /** Numbers of all adapters. */
  trained: number;
}

/** @throws ConfigError for a target that no layer answers to */
export function loraCoverage(
  config: Plamo2Config,
  { rank, dora, ...targets }: TargetOptions & { rank: number; dora: boolean },
): Coverage {
  const matched = new Set(resolveTargets(config, targets).map(({ path }) => path));
  const kinds = Map.groupBy(linearMaps(config), ({ kind }) => kind);
  const rows = [...kinds].map(([kind, maps]): CoverageRow => {
    const own = maps.filter(({ path }) => matched.has(path));
    return {
      kind,
      matched: own.length,
      all: maps.length,
      trained: own.reduce((sum, { outputs, inputs }) => sum + rank * (inputs + outputs) + (dora ? outputs : 0), 0),
      parameters: maps.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0),
    };
  });
  return { rows, trained: rows.reduce((sum, { trained }) => sum + trained, 0) };
}

const integer = (value: number) => value.toLocaleString('en-US');

/** Lines for the terminal. */
export function formatCoverage({ rows, trained }: Coverage, title: string): string {
  const lines = rows.map(({ kind, matched, all, trained: own, parameters }) => {
    const share = `${((100 * own) / parameters).toFixed(2)} %`;
    return `  ${kind.padEnd(14)}${`${matched} of ${all}`.padStart(12)}${integer(own).padStart(14)}${share.padStart(9)} of ${integer(parameters)}`;
  });
  return [`${title}: ${integer(trained)} numbers are trained`, ...lines].join('\n');
}
