// What a pipeline begins with: rows of the settings, rows of files with all their fields, documents of text files as `text`.
import { isAbsolute, join } from 'node:path';
import { ConfigError } from '../../base/index.ts';
import {
  listRowFiles,
  listSources,
  readDocuments,
  readRows,
  requireWholePairs,
  type SourceFile,
} from '../../text/index.ts';
import type { PipelineConfig } from './pipeline-config.ts';
import type { SynthRow } from './row.ts';

type Given = Pick<PipelineConfig, 'data' | 'rows' | 'documentCharacters'>;

const kinds = {
  endings: {
    '.jsonl': 'rows',
    '.ndjson': 'rows',
    '.json': 'rows',
    '.parquet': 'rows',
    '.txt': 'text',
    '.text': 'text',
    '.md': 'text',
    '.markdown': 'text',
  },
  option: '--data',
} as const;

/** The files that are read, in order. @throws DataError for a path that is missing or of another format */
export function inputFiles({ data }: Pick<Given, 'data'>, folder: string): SourceFile<'rows' | 'text'>[] {
  if (data.length === 0) return [];
  const paths = data.map((path) => (isAbsolute(path) ? path : join(folder, path)));
  return listSources<'rows' | 'text'>(paths, kinds).files;
}

/** @param columns what is read of Parquet files. @throws DataError naming file and row */
export async function* inputRows(given: Given, folder: string, columns: readonly string[]): AsyncGenerator<SynthRow> {
  if (given.rows.length + given.data.length === 0)
    throw new ConfigError('no-data', 'the pipeline has nothing to begin with', {
      remedy: 'Name files with "data" or --data, or write "rows" into the settings.',
    });
  const begin = (fields: SynthRow['fields'], file: string, row: number): SynthRow => ({
    fields,
    source: { file, row },
    asked: [],
  });
  for (const [i, fields] of given.rows.entries()) {
    for (const [name, value] of Object.entries(fields)) requireWholePairs(value, name, { file: 'rows', row: i + 1 });
    yield begin(fields, 'rows', i + 1);
  }
  for (const { path, format } of inputFiles(given, folder)) {
    let row = 0;
    if (format === 'rows')
      for (const file of listRowFiles([path]))
        for await (const { row: place, value } of readRows(file, columns)) yield begin(value, path, place);
    else
      for await (const { text } of readDocuments([path], { documentCharacters: given.documentCharacters }))
        if (text.trim() !== '') yield begin({ text: text.trim() }, path, ++row);
  }
}
