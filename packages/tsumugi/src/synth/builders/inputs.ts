// Data as builders take it, read from files one row at a time.
import { DataError } from '../../base/index.ts';
import {
  cleanText,
  DOCUMENT_CHARACTERS,
  type ExampleSource,
  halfCharacter,
  listRowFiles,
  listSourceFiles,
  openCorpus,
  readRows,
} from '../../text/index.ts';
import type { InputKind } from './question.ts';

interface Grouped {
  readonly group: string;
  readonly source: ExampleSource;
}
export interface Passage extends Grouped {
  readonly text: string;
}
export interface Translated extends Grouped {
  readonly english: string;
  readonly japanese: string;
}
/** In Japanese, but for the group. */
export interface Described extends Grouped {
  readonly synopsis: string;
  readonly description: string;
}

export interface ReadingOptions {
  /** Field or column of the text: `text`. */
  field?: string | undefined;
  /** Field or column whose value is held out as one. Of texts the document itself, of others `source`, unless given. */
  group?: string | undefined;
  /** Length at which text files are cut into documents. */
  documentCharacters?: number | undefined;
  encoding?: string | undefined;
}

/** The rows of files, as builders of this kind take them; each call of what is returned reads anew. */
export function openInputs(kind: InputKind, paths: readonly string[], options: ReadingOptions = {}) {
  if (kind === 'text') return () => passages(paths, options);
  return kind === 'translations' ? () => translations(paths, options) : () => descriptions(paths, options);
}

async function* passages(paths: readonly string[], options: ReadingOptions): AsyncGenerator<Passage> {
  const { field = 'text', group, documentCharacters = DOCUMENT_CHARACTERS, encoding } = options;
  for (const { path, format } of listSourceFiles(paths)) {
    if (group !== undefined && format !== 'text') {
      for await (const { value, source } of rowsOf([path], [field, group])) {
        const text = cleanText(textOf(value, field, source));
        yield { text, group: textOf(value, group, source), source };
      }
      continue;
    }
    let row = 0;
    const corpus = openCorpus([path], { field, documentCharacters, ...(encoding && { encoding }) });
    for await (const document of corpus.documents()) {
      if (corpus.mended.first) throw halfCharacter(field, corpus.mended.first);
      const text = cleanText(document.text);
      yield { text, group: text, source: { file: path, row: ++row } };
    }
  }
}

/** Rows of objects, or of lists in the order of these columns. */
const columns = ['source', 'en', 'ja'] as const;

async function* translations(
  paths: readonly string[],
  { group = 'source' }: ReadingOptions,
): AsyncGenerator<Translated> {
  for await (const { value, source } of rowsOf(paths, [...columns, group], columns)) {
    const [english, japanese] = [textOf(value, 'en', source), textOf(value, 'ja', source)];
    yield { english, japanese, group: textOf(value, group, source), source };
  }
}

/** Rows of one package that follow one another are its description: the first is the synopsis. */
async function* descriptions(
  paths: readonly string[],
  { group = 'source' }: ReadingOptions,
): AsyncGenerator<Described> {
  let found: { group: string; paragraphs: string[]; source: ExampleSource } | undefined;
  const described = ({ group: name, paragraphs, source }: NonNullable<typeof found>): Described => ({
    group: name,
    synopsis: paragraphs[0]!,
    description: paragraphs.slice(1).join('\n'),
    source,
  });
  for await (const { value, source } of rowsOf(paths, [...columns, group], columns)) {
    const [name, paragraph] = [textOf(value, group, source), textOf(value, 'ja', source)];
    if (found && found.group === name && found.source.file === source.file) found.paragraphs.push(paragraph);
    else {
      if (found) yield described(found);
      found = { group: name, paragraphs: [paragraph], source };
    }
  }
  if (found) yield described(found);
}

async function* rowsOf(paths: readonly string[], read: readonly string[], lists?: readonly string[]) {
  for (const file of listRowFiles(paths))
    for await (const { row, value } of readRows(file, read, lists)) yield { value, source: { file: file.path, row } };
}

/** @throws DataError naming file, row and field */
function textOf(value: Readonly<Record<string, unknown>>, field: string, { file, row }: ExampleSource): string {
  const text = value[field];
  if (typeof text === 'string') return text;
  const is = text === undefined || text === null ? 'is not there' : `is ${JSON.stringify(text).slice(0, 40)}`;
  throw new DataError('bad-row', `${file}, row ${row}: "${field}" should be a text but ${is}`, {
    remedy: `The row has ${Object.keys(value).join(', ')}. Mend it, or name another file.`,
    fields: { file, row, field },
  });
}
