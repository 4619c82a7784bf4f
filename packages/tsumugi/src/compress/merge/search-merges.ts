// A search over merges: candidates are merged, scored and removed one after the other; scores are kept, so that a search that was cut
// off goes on. Who scores is given: this folder knows no evaluation.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkOptions, DataError, makeFolder, writeFileAtomic } from '../../base/index.ts';
import { type Json, readJson, writeJson } from '../../store/index.ts';
import { type MergeModelsOptions, mergeModels } from './merge-models.ts';
import { mergeIdentity } from './open-merge.ts';
import { paretoFront, type Score } from './pareto.ts';
import { type Candidate, candidatesOf, type SearchSpace } from './search-space.ts';
import { candidatesFolder, scoredCandidate, scoreFile } from './search-state.ts';
import { type RankedRow, ranked, searchTable } from './search-table.ts';

/** Candidates are scored, so they pass no gate. */
export interface SearchOptions extends Omit<MergeModelsOptions, 'gate' | 'onPrompt'> {
  space: SearchSpace;
  /** How many candidates are drawn from the space; every combination unless given. */
  samples?: number | undefined;
  /** Scores of a merged model, the same ones for each. */
  score: (folder: string, candidate: Candidate) => Promise<readonly Score[]>;
  /** What the scores depend on besides the model: data, tasks, settings. With another one, candidates are scored anew. */
  scoring: Json;
  /** Called when the scores of a candidate are known. */
  onCandidate?:
    | ((row: { set: Candidate; scores: readonly Score[] }, done: number, total: number) => unknown)
    | undefined;
}

export interface SearchResult {
  readonly folder: string;
  /** The candidates, the best by the first score on top, those of the Pareto front marked. */
  readonly rows: readonly RankedRow[];
}

const optionNames = {
  set: true,
  seed: true,
  resolveModel: true,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onProgress: true,
  pause: true,
  space: true,
  samples: true,
  score: true,
  scoring: true,
  onCandidate: true,
} as const;

/**
 * Merges and scores every candidate of the space. In `out` it leaves `search.json` and `search.md` (all candidates, the Pareto front
 * marked), `candidates/` (the scores of each), and `model/`, the best by the first score. A second call goes on where one was cut off.
 *
 * @throws as `mergeModels`; ConfigError for a range that nothing is drawn from, DataError when `out` holds something else
 */
export async function searchMerges(merge: string, out: string, options: SearchOptions): Promise<SearchResult> {
  checkOptions('searchMerges', options, optionNames);
  const { space, samples, score, scoring, onCandidate, ...rest } = options;
  const merging = { ...rest, gate: false };
  const { set = [], seed = 0 } = merging;
  const candidates = candidatesOf(space, { samples, seed });
  requireOwn(out);
  const tried = join(out, 'candidate');
  const scored: { set: Candidate; scores: readonly Score[] }[] = [];
  for (const candidate of candidates) {
    const changes = { ...merging, set: [...set, ...candidate] };
    const identity = await mergeIdentity(merge, changes);
    const file = scoreFile(out, identity, scoring);
    if (!existsSync(file)) {
      await mergeModels(merge, tried, changes);
      await rest.pause?.();
      makeFolder(candidatesFolder(out));
      writeJson(file, { set: candidate, scores: (await score(tried, candidate)) as unknown as Json });
    }
    const row = { set: candidate, scores: readJson(file, scoredCandidate).scores };
    scored.push(row);
    onCandidate?.(row, scored.length, candidates.length);
  }
  rmSync(tried, { recursive: true, force: true });
  const isFront = paretoFront(scored.map(({ scores }) => scores));
  const rows = ranked(scored.map((row, i) => ({ ...row, front: isFront[i]! })));
  await mergeModels(merge, join(out, 'model'), { ...merging, set: [...set, ...rows[0]!.set] });
  writeJson(join(out, 'search.json'), { set, seed, scoring, rows: rows as unknown as Json });
  writeFileAtomic(join(out, 'search.md'), searchTable(rows));
  return { folder: out, rows };
}

/** @throws DataError when the folder holds what no search has left there */
function requireOwn(out: string): void {
  const found = statSync(out, { throwIfNoEntry: false });
  const own = /^(candidates|(candidate|model)(\.(partial-|lock).*)?|search\.(json|md)(\.partial-.*)?)$/;
  const other = found?.isDirectory() ? readdirSync(out).find((name) => !own.test(name)) : undefined;
  if (found && (!found.isDirectory() || other !== undefined))
    throw new DataError(
      'place-taken',
      `${out} ${other === undefined ? 'is a file' : `holds something else (${other})`}`,
      {
        remedy: 'Name another folder for the search.',
        fields: { path: out },
      },
    );
  makeFolder(out);
}
