// What a dry run reads in the place of what comes from outside: the beginning of the text, a few of the rows, a tiny model of the same
// kind with the same tokenizer; of any other kind the first lines where it is files of JSON lines, and else all as it is.
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initialWeights, Plamo2, parseConfig, saveModel } from '../lm/index.ts';
import { given, pathsOf, type Source } from '../recipe/index.ts';
import { Artefact } from '../store/index.ts';
import { COLUMNS, COMPRESSED, fileSource, listRowFiles, readRows } from '../text/index.ts';
import { tinyShape } from './dry-run.ts';
import { openText } from './reading.ts';

const [documents, documentCharacters, rows] = [24, 800, 24];
/** Of files of lines whose use is not known: enough for packages, authors or whatever else is to be held out. */
const lineBytes = 2 ** 18;
const isJsonLines = new RegExp(`\\.jsonl(${COMPRESSED.map((ending) => `\\${ending}`).join('|')})?$`, 'i');

/** @throws DataError for a file that cannot be read, as the stages would */
export async function shrinkSource(source: Source, folder: string): Promise<Source> {
  const paths = pathsOf(source);
  if (source.kind === 'text')
    return given('text', await textOf(source, paths, folder), source.settings as Record<string, unknown>);
  if (source.kind === 'examples')
    return given('examples', await rowsOf(paths, folder), source.settings as Record<string, unknown>);
  if (source.kind === 'model') {
    for (const [i, path] of paths.entries()) tinyModelOf(path, join(folder, `${i}`));
    return given(
      'model',
      [...paths.keys()].map((i) => join(folder, `${i}`)),
      source.settings as Record<string, unknown>,
    );
  }
  const isLines = paths.every((path) => isJsonLines.test(path) && statSync(path, { throwIfNoEntry: false })?.isFile());
  if (!isLines) return source;
  const firsts = await Promise.all(paths.map((path, i) => linesOf(path, join(folder, `${i}.jsonl`))));
  return given(source.kind, firsts, source.settings as Record<string, unknown>);
}

/** The first lines of a file, byte by byte: what they say is the stage's own affair. */
async function linesOf(path: string, small: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let [bytes, end] = [0, -1];
  for await (const chunk of fileSource(path).chunks()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes < lineBytes) continue;
    end = chunk.lastIndexOf(10);
    if (end >= 0) break;
  }
  const read = Buffer.concat(chunks);
  writeFileSync(small, end < 0 ? read : read.subarray(0, bytes - chunks.at(-1)!.length + end + 1));
  return small;
}

async function textOf(source: Source, paths: readonly string[], folder: string): Promise<string> {
  const settings = source.settings as { field?: string };
  const asked = { ...settings, documentCharacters };
  const from = { name: '', path: paths[0]!, paths, settings: asked, bytes: 0, metrics: {}, about: undefined };
  const lines: string[] = [];
  for await (const { text } of openText(from).documents()) {
    lines.push(JSON.stringify({ [settings.field ?? 'text']: text.slice(0, 2 * documentCharacters) }));
    if (lines.length === documents) break;
  }
  return write(join(folder, 'text.jsonl'), lines);
}

async function rowsOf(paths: readonly string[], folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const file of listRowFiles(paths)) {
    const lines: string[] = [];
    for await (const { value } of readRows(file, [...COLUMNS, 'answer'])) {
      lines.push(JSON.stringify(value));
      if (lines.length === rows) break;
    }
    files.push(write(join(folder, `${files.length}.jsonl`), lines));
  }
  return files;
}

function write(path: string, lines: readonly string[]): string {
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

/** A model of the same kind with nothing learned, and the tokenizer and chat template of the one in `path`. */
function tinyModelOf(path: string, folder: string): void {
  const { quantization_config: _, ...config } = new Artefact(path).config() as Record<string, unknown>;
  using model = new Plamo2(parseConfig({ ...config, ...tinyShape, full_attention_idx: [] }, path), initialWeights(0));
  saveModel(folder, model, { tokenizerFolder: path });
}
