// What a search over merges would take, before anything is merged.
import { existsSync } from 'node:fs';
import { checkOptions } from '../../base/index.ts';
import { type Plamo2Config, parseConfig } from '../../lm/index.ts';
import type { Json } from '../../store/index.ts';
import { forecastOf, type MergeForecast } from './forecast.ts';
import { type MergeOptions, mergeIdentity, withPlan } from './open-merge.ts';
import { candidatesOf, type SearchSpace } from './search-space.ts';
import { candidatesFolder, scoreFile } from './search-state.ts';

export interface PlanSearchOptions extends Omit<MergeOptions, 'gate'> {
  space: SearchSpace;
  samples?: number | undefined;
  /** As `searchMerges` gets it: what the scores depend on. */
  scoring: Json;
}

export interface SearchPlan {
  readonly candidates: number;
  /** Of these, how many have scores already. */
  readonly scored: number;
  /** The shape of the first candidate. */
  readonly config: Plamo2Config;
  readonly parameters: number;
  /** Of all merges: of the candidates that have no scores, and of the best once more. Scoring comes on top. */
  readonly seconds: number;
  readonly memoryBytes: number;
  /** A candidate is put in the place of the one before it. */
  readonly diskBytes: number;
  readonly warnings: readonly string[];
}

const optionNames = {
  set: true,
  seed: true,
  resolveModel: true,
  space: true,
  samples: true,
  scoring: true,
} as const;

/**
 * What `searchMerges` would do; every candidate is checked as a merge is. Nothing is written.
 *
 * @throws as `planMergeModels`; ConfigError for a range that nothing is drawn from
 */
export async function planSearchMerges(merge: string, out: string, options: PlanSearchOptions): Promise<SearchPlan> {
  checkOptions('planSearchMerges', options, optionNames);
  const { space, samples, scoring, set = [], seed = 0, resolveModel } = options;
  const candidates = candidatesOf(space, { samples, seed });
  const isBegun = existsSync(candidatesFolder(out));
  const all: (MergeForecast & { config: Plamo2Config; isScored: boolean })[] = [];
  for (const candidate of candidates) {
    const changes = { seed, resolveModel, set: [...set, ...candidate], gate: false };
    const plan = await withPlan(merge, changes, (each) => ({
      ...forecastOf(each, false),
      config: parseConfig(each.config),
    }));
    const isScored = isBegun && existsSync(scoreFile(out, await mergeIdentity(merge, changes), scoring));
    all.push({ ...plan, isScored });
  }
  const left = all.filter(({ isScored }) => !isScored);
  const most = (key: 'seconds' | 'memoryBytes' | 'diskBytes' | 'parameters') =>
    Math.max(...all.map((each) => each[key]));
  return {
    candidates: all.length,
    scored: all.length - left.length,
    config: all[0]!.config,
    parameters: most('parameters'),
    seconds: left.reduce((sum, each) => sum + each.seconds, most('seconds')),
    memoryBytes: most('memoryBytes'),
    diskBytes: 2 * most('diskBytes'),
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
  };
}
