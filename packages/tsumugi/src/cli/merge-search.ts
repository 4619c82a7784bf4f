// `tsumugi merge --search`: merges that differ in some keys, scored, and the table of them.
import { parseSearchSpace, type SearchOptions, searchMerges } from '../compress/index.ts';
import { formatInteger } from '../run/index.ts';
import { type ScoringSettings, scoreModel, scoringOf } from '../stages/index.ts';
import { type Io, write } from './io.ts';

export interface SearchValues extends ScoringSettings {
  readonly config: string;
  readonly out: string;
  readonly search: readonly string[];
  readonly samples: number | undefined;
  readonly json: boolean;
}

type Merging = Pick<SearchOptions, 'set' | 'seed' | 'resolveModel' | 'commit'>;

export async function search(values: SearchValues, merging: Merging, io: Io): Promise<void> {
  const { config, out, samples, json, ...scoring } = values;
  const { rows } = await searchMerges(config, out, {
    ...merging,
    space: parseSearchSpace(values.search),
    samples,
    scoring: await scoringOf(scoring),
    score: (folder) => scoreModel(folder, scoring),
    onCandidate: ({ set, scores }, done, total) => {
      const found = scores.map(({ name, value }) => `${name} ${value.toPrecision(6)}`).join(', ');
      io.stderr.write(`${formatInteger(done)}/${formatInteger(total)}  ${set.join(' ')}  ${found}\n`);
    },
  });
  if (json) {
    await write(io.stdout, `${JSON.stringify({ folder: out, rows })}\n`);
    return;
  }
  const front = rows.filter((row) => row.front).length;
  const best = rows[0]!.set.join(' ');
  await write(
    io.stdout,
    `${rows.length} candidates, ${front} on the Pareto front: ${out}/search.md\nbest: ${best} → ${out}/model\n`,
  );
}
