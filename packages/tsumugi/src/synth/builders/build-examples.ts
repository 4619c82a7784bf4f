// Files → folders of rows: to learn from, and held out.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkChoice, DataError, StagedFolder } from '../../base/index.ts';
import { codeCommit, toJson } from '../../run/index.ts';
import { hashedData, writeLineage } from '../../store/index.ts';
import { type BuildCounts, type BuildOptions, type BuiltRow, buildRows } from './build-rows.ts';
import { BUILDER_NAMES, BUILDERS } from './builders.ts';
import { openInputs, type ReadingOptions } from './inputs.ts';
import { RowFile } from './row-file.ts';

export interface ExamplesOptions extends BuildOptions {
  reading?: ReadingOptions | undefined;
  /** Awaited between some hundred inputs and the next; it may throw to stop. */
  pause?: (() => Promise<void>) | undefined;
}

type Side = BuiltRow['side'];
/** Where the rows of each side lie. */
const files: Readonly<Record<Side, string>> = { train: 'examples/rows.jsonl', heldOut: 'held-out/rows.jsonl' };

/**
 * Builds `<out>/examples/rows.jsonl`, `<out>/held-out/rows.jsonl` and `<out>/lineage.json`: the folder appears whole or not at all.
 *
 * @throws ConfigError for a name that no builder has; DataError when nothing came of the data
 */
export async function buildExamples(
  name: string,
  paths: readonly string[],
  out: string,
  options: ExamplesOptions = {},
): Promise<BuildCounts> {
  using staged = new StagedFolder(out);
  const sides: Side[] = options.heldOutFraction === 0 ? ['train'] : ['train', 'heldOut'];
  const counts = await writeSides(name, paths, sides, (side) => join(staged.path, files[side]), options);
  const { onProgress: _, pause: _pause, ...settings } = options;
  const config = toJson({ builder: name, ...settings }) as Record<string, never>;
  const made = { stage: 'build-examples', config, seed: options.seed ?? 0, commit: codeCommit() };
  writeLineage(staged.path, { ...made, data: await hashedData(paths) });
  staged.commit();
  return counts;
}

/** The rows of one side alone, in `<folder>/rows.jsonl`. */
export function buildSide(
  name: string,
  paths: readonly string[],
  folder: string,
  { side, ...options }: ExamplesOptions & { side: Side },
): Promise<BuildCounts> {
  return writeSides(name, paths, [side], () => join(folder, 'rows.jsonl'), options);
}

async function writeSides(
  name: string,
  paths: readonly string[],
  sides: readonly Side[],
  place: (side: Side) => string,
  { reading, pause, ...options }: ExamplesOptions,
): Promise<BuildCounts> {
  checkChoice('buildExamples', 'builder', name, BUILDER_NAMES);
  const builder = BUILDERS.find((each) => each.name === name)!;
  const counts: BuildCounts = { train: 0, heldOut: 0, dropped: new Map() };
  using closing = new DisposableStack();
  const rows: Partial<Record<Side, RowFile>> = {};
  for (const side of sides) {
    mkdirSync(join(place(side), '..'), { recursive: true });
    rows[side] = closing.use(new RowFile(place(side)));
  }
  const open: () => AsyncIterable<unknown> = openInputs(builder.reads, paths, reading);
  for await (const { side, row } of buildRows(builder, () => pausing(open(), pause), options, counts))
    rows[side]?.write(row);
  for (const side of sides) if (counts[side] === 0) throw nothing(name, paths, side, counts);
  for (const file of Object.values(rows)) file.flush();
  return counts;
}

async function* pausing<T>(inputs: AsyncIterable<T>, pause?: () => Promise<void>): AsyncGenerator<T> {
  let count = 0;
  for await (const input of inputs) {
    if (count++ % INPUTS === 0) await pause?.();
    yield input;
  }
}

/** Between two pauses: some hundredths of a second. */
const INPUTS = 100;

function nothing(name: string, paths: readonly string[], side: Side, { dropped, ...counts }: BuildCounts): DataError {
  const why = [...dropped].map(([reason, count]) => `${count} × ${reason}`).join(', ');
  const [rows, remedy] =
    side === 'train'
      ? ['no row to learn from', 'Name other files, or another builder.']
      : [
          'no row that is held out',
          'Name more data, or take another seed or share to hold out; 0 holds out none of it.',
        ];
  return new DataError('nothing-built', `${name} makes ${rows} of ${paths.join(', ')}${why && ` (${why})`}`, {
    remedy,
    fields: { builder: name, ...counts, dropped: Object.fromEntries(dropped) },
  });
}
