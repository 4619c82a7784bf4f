// Text of free software with its translations: which files there are, and what a row of each says. The corpus is a folder of three files
// of JSON lines, packed or not: sentences with their translations, Japanese documents, descriptions of packages with theirs.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError, isObject, parseJson } from 'tsumugi/base';
import { readDecompressed } from 'tsumugi/text';

/** An English text, its Japanese translation, and the package that has them. */
export interface Pair {
  readonly source: string;
  readonly en: string;
  readonly ja: string;
}

export interface JapaneseDocument {
  readonly source: string;
  readonly text: string;
}

const names = { pairs: 'en-ja-pairs', documents: 'ja-docs', descriptions: 'package-descriptions' } as const;
const endings = ['.jsonl', '.jsonl.xz', '.jsonl.gz', '.jsonl.zst'];

export type CorpusFiles = Readonly<Record<keyof typeof names, string>>;

/** @throws ConfigError without a folder, DataError for one that lacks a file */
export function findCorpus(folder: string | undefined): CorpusFiles {
  const needed = Object.values(names)
    .map((name) => `${name}.jsonl`)
    .join(', ');
  const remedy = `It is made from the translations, documents and descriptions of Debian packages: see "The corpus" in docs/translate-ja.md.`;
  if (folder === undefined)
    throw new ConfigError('no-corpus', `translate-ja learns from a folder with ${needed} (also with .xz, .gz, .zst)`, {
      remedy: `Name it with --set corpus=FOLDER. ${remedy}`,
    });
  const find = (name: string): string => {
    const found = endings.map((ending) => join(folder, name + ending)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    throw new DataError('no-corpus', `${folder} has no ${name}.jsonl (nor one that ends in .xz, .gz or .zst)`, {
      remedy,
      fields: { folder, name },
    });
  };
  return { pairs: find(names.pairs), documents: find(names.documents), descriptions: find(names.descriptions) };
}

/** The lines of a file as JSON. @throws DataError naming the row */
async function* rowsOf(file: string): AsyncGenerator<{ row: number; value: unknown }> {
  const lines = (await readDecompressed(file)).toString('utf8').split('\n');
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    try {
      yield { row: i + 1, value: parseJson(line) };
    } catch (cause) {
      throw new DataError('not-json', `${file}, row ${i + 1} is not JSON: ${(cause as Error).message}`, {
        remedy: 'Mend the row, or take it out.',
        fields: { file, row: i + 1 },
        cause,
      });
    }
  }
}

function texts<const Field extends string>(
  value: unknown,
  fields: readonly Field[],
  file: string,
  row: number,
): Record<Field, string> {
  const given = isObject(value) ? value : {};
  const wrong = fields.find((field) => typeof given[field] !== 'string');
  if (wrong === undefined) return given as Record<Field, string>;
  throw new DataError('bad-row', `${file}, row ${row}: "${wrong}" should be a text`, {
    remedy: `A row has ${fields.map((field) => `"${field}"`).join(', ')}.`,
    fields: { file, row, field: wrong },
  });
}

export async function* readPairs(file: string): AsyncGenerator<Pair> {
  for await (const { row, value } of rowsOf(file)) yield texts(value, ['source', 'en', 'ja'], file, row);
}

/** Descriptions are lists: package, English, Japanese. */
export async function* readDescriptions(file: string): AsyncGenerator<Pair> {
  for await (const { row, value } of rowsOf(file)) {
    const [source, en, ja] = Array.isArray(value) ? (value as unknown[]) : [];
    yield texts({ source, en, ja }, ['source', 'en', 'ja'], file, row);
  }
}

export async function* readJapanese(file: string): AsyncGenerator<JapaneseDocument> {
  for await (const { row, value } of rowsOf(file)) yield texts(value, ['source', 'text'], file, row);
}
