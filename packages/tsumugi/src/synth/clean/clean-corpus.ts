// A corpus larger than memory, cleaned: read twice, once to judge its texts, once to write those rows that stay, with all columns.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkSettings, DataError, StagedFolder } from '../../base/index.ts';
import { codeCommit, toJson } from '../../run/index.ts';
import { hashedData, writeLineage } from '../../store/index.ts';
import { type CleanConfig, checkClean, cleanConfig } from './clean-config.ts';
import { Duck, named, quoted } from './duck.ts';
import { CorpusJudge } from './judge.ts';
import { rowSource, textRows } from './row-source.ts';

export interface CleanReport {
  rows: number;
  kept: number;
  /** By what dropped them. */
  dropped: Record<string, number>;
  /** The file that was written. */
  path: string;
}

export interface CleanRun {
  data: readonly string[];
  out: string;
  /** Called some times a second with the rows that were judged, of how many. */
  onProgress?: ((rows: number, of: number) => void) | undefined;
  /** Awaited between two thousand rows and the next, and before the folder appears; it may throw to stop. */
  pause?: (() => Promise<void>) | undefined;
}

const names = { parquet: 'rows.parquet', jsonl: 'rows.jsonl.zst' } as const;
const options = { parquet: 'FORMAT parquet, COMPRESSION zstd', jsonl: 'FORMAT json, COMPRESSION zstd' } as const;

/**
 * Writes `<out>/rows.parquet` (or `rows.jsonl.zst`) with the rows that stay, in their order, and `lineage.json`: the folder appears
 * whole or not at all. Signatures of the texts are held in memory, the rows are not. The same files and settings give the same bytes.
 *
 * @throws UserError when DuckDB is not installed; DataError for what cannot be read, or when nothing stays
 */
export async function cleanCorpus(
  settings: Partial<CleanConfig>,
  { data, out, onProgress, pause }: CleanRun,
): Promise<CleanReport> {
  const config = checkSettings('cleanCorpus', cleanConfig, settings);
  checkClean(config);
  const source = rowSource(data);
  const judge = await CorpusJudge.open(config);
  using staged = new StagedFolder(out);
  const temporary = join(staged.path, 'temporary');
  const file = join(staged.path, names[config.format]);
  {
    using duck = await Duck.open({ memory: config.memory, temporary });
    const from = await textRows(duck, source, config.field);
    const total = Number((await duck.rows(`SELECT count(*) FROM ${from}`))[0]![0]);
    for await (const texts of duck.column(`SELECT ${named(config.field)} FROM ${from}`)) {
      for (const text of texts) judge.add(text as string | null);
      onProgress?.(judge.texts, total);
      await pause?.();
    }
    await duck.flags('kept', judge.kept());
    const rows = `SELECT source.* FROM ${from} source POSITIONAL JOIN kept WHERE kept.flag`;
    await duck.run(`COPY (${rows}) TO ${quoted(file)} (${options[config.format]})`);
  }
  await pause?.();
  rmSync(temporary, { recursive: true, force: true });
  const { dropped, texts } = judge;
  const kept = texts - Object.values(dropped).reduce((sum, count) => sum + count, 0);
  if (kept === 0) throw nothingLeft(data, texts, dropped);
  writeLineage(staged.path, {
    stage: 'clean',
    config: toJson(config) as Record<string, never>,
    seed: config.near.seed ?? 0,
    commit: codeCommit(),
    data: await hashedData(source.files.map(({ path }) => path)),
  });
  staged.commit();
  return { rows: texts, kept, dropped, path: join(out, names[config.format]) };
}

function nothingLeft(data: readonly string[], rows: number, dropped: Record<string, number>): DataError {
  const why = Object.entries(dropped).flatMap(([name, count]) => (count > 0 ? [`${count} by ${name}`] : []));
  return new DataError('nothing-left', `of the ${rows} rows of ${data.join(', ')} none stays: ${why.join(', ')}`, {
    remedy: 'Loosen the filters, or look at the data.',
    fields: { rows, dropped },
  });
}

/** What cleaning files takes, from their sizes. @throws ConfigError as cleaning itself would. A signature and its bands are some 900 bytes a text. */
export function forecastClean(config: CleanConfig, files: readonly { path: string; bytes: number }[]) {
  checkClean(config);
  const unpacked = files.reduce((sum, { path, bytes }) => sum + bytes * (/\.(parquet|zst|gz)$/i.test(path) ? 3 : 1), 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = Math.ceil(unpacked / BYTES_OF_ROW);
  return {
    rows,
    // Measured 2026: 80 µs for the signature of 1 KB of Japanese text, as much again for reading and writing it.
    seconds: 1 + unpacked * 1.6e-7,
    memoryBytes: config.memory * 2 ** 20 + (config.nearDuplicates ? 900 * rows : 0) + 120 * 2 ** 20,
    diskBytes: 2 * bytes,
  };
}

/** Our guess. */
const BYTES_OF_ROW = 1000;
