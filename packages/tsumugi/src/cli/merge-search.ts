// `tsumugi merge --search`: merges that differ in some keys, scored, and the table of them.
import { signalExitCode } from '../base/index.ts';
import { parseSearchSpace, planSearchMerges, type SearchOptions, searchMerges } from '../compress/index.ts';
import { formatDuration, formatInteger } from '../run/index.ts';
import { forecastScoring, type ScoringSettings, scoreModel, scoringOf } from '../stages/index.ts';
import { costRows } from './cost-rows.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { stoppable } from './stoppable.ts';

interface SearchValues extends ScoringSettings {
  readonly config: string;
  readonly out: string;
  readonly search: readonly string[];
  readonly samples: number | undefined;
  readonly json: boolean;
}

type Merging = Pick<SearchOptions, 'set' | 'seed' | 'resolveModel' | 'commit'>;

/** How many evaluations, and what they and the merges take. */
export async function planSearch(values: SearchValues, merging: Merging, io: Io): Promise<number> {
  const { config, out, samples, json, search: texts, ...scoring } = values;
  const { commit: _, ...rest } = merging;
  const space = parseSearchSpace(texts);
  const plan = await planSearchMerges(config, out, { ...rest, space, samples, scoring: await scoringOf(scoring) });
  const each = forecastScoring(plan.config, scoring);
  const { candidates, scored, diskBytes } = plan;
  const seconds = plan.seconds + (candidates - scored) * each.seconds;
  const memoryBytes = Math.max(plan.memoryBytes, each.memoryBytes);
  for (const warning of plan.warnings) io.stderr.write(`warning: ${warning}\n`);
  if (json) {
    const { warnings, parameters } = plan;
    const forecast = { candidates, scored, scoringSeconds: each.seconds, seconds, memoryBytes, diskBytes };
    await write(io.stdout, `${JSON.stringify({ ...forecast, parameters, warnings, out })}\n`);
    return 0;
  }
  const left = scored === 0 ? '' : `, ${formatInteger(scored)} of them scored before`;
  const ofTime = `, of which ${formatDuration(each.seconds)} to score each`;
  const rows = costRows({ seconds, memoryBytes, diskBytes }, out, ofTime);
  await write(io.stdout, `${formatInteger(candidates)} candidates${left}\n${formatRows(rows)}`);
  return 0;
}

export async function search(values: SearchValues, merging: Merging, io: Io): Promise<number> {
  const { config, out, samples, json, ...scoring } = values;
  const asked = await scoringOf(scoring);
  const state = 'the scores that there are stay, the same command goes on from here';
  const found = await stoppable(io, [], state, (pause) =>
    searchMerges(config, out, {
      ...merging,
      space: parseSearchSpace(values.search),
      samples,
      scoring: asked,
      score: (folder) => scoreModel(folder, scoring),
      onCandidate: ({ set, scores }, done, total) => {
        const line = scores.map(({ name, value }) => `${name} ${value.toPrecision(6)}`).join(', ');
        io.stderr.write(`${formatInteger(done)}/${formatInteger(total)}  ${set.join(' ')}  ${line}\n`);
      },
      pause,
    }),
  );
  if (!found) return signalExitCode();
  const { rows } = found;
  if (json) {
    await write(io.stdout, `${JSON.stringify({ folder: out, rows })}\n`);
    return 0;
  }
  const front = rows.filter((row) => row.front).length;
  const best = rows[0]!.set.join(' ');
  await write(
    io.stdout,
    `${rows.length} candidates, ${front} on the Pareto front: ${out}/search.md\nbest: ${best} → ${out}/model\n`,
  );
  return 0;
}
