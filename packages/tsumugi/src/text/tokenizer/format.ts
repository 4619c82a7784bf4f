// The files of a tokenizer in a model folder: tokenizer.jsonl, one piece per line, and tokenizer_config.json, which names
// the special pieces and says whether sequences begin with <|plamo:bos|>.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  DataError,
  decodeUtf8,
  FormatError,
  isObject,
  readBytes,
  readJsonValue,
  writeFileAtomic,
} from '../../base/index.ts';
import { MAX_TOKENIZER_BYTES } from '../limits.ts';
import { type Piece, parsePieces, Vocabulary } from './vocabulary.ts';

export const PIECES_FILE = 'tokenizer.jsonl';
export const CONFIG_FILE = 'tokenizer_config.json';

/** The pieces with a role of their own. `op` opens and closes the parts of a prompt. */
export interface SpecialNames {
  bos: string;
  eos: string;
  pad: string;
  unk: string;
  op: string;
}

export const SPECIAL_NAMES: Readonly<SpecialNames> = {
  unk: '<|plamo:unk|>',
  bos: '<|plamo:bos|>',
  eos: '<|plamo:eos|>',
  pad: '<|plamo:pad|>',
  op: '<|plamo:op|>',
};

export interface TokenizerConfig {
  names: Partial<SpecialNames>;
  addBos: boolean;
  addEos: boolean;
}

/** Without a tokenizer_config.json, the defaults of the published tokenizer class hold. */
const CLASS_DEFAULTS: TokenizerConfig = { names: {}, addBos: false, addEos: false };

export interface TokenizerFiles {
  /** The tokenizer.jsonl that was read. */
  path: string;
  pieces: Piece[];
  config: TokenizerConfig;
}

/** Names of the files that other kinds of tokenizers are kept in. */
const otherKinds: readonly (readonly [RegExp, string])[] = [
  [/^tokenizer\.json$/, 'a tokenizer of the Hugging Face tokenizers library'],
  [/^(vocab\.json|merges\.txt)$/, 'a byte-pair encoding'],
  [/^vocab\.txt$/, 'a WordPiece vocabulary'],
  [/\.tiktoken$/, 'a tiktoken encoding'],
  [/\.model$/, 'a SentencePiece model'],
];

/** @throws DataError `tokenizer-kind` for the first of the files that holds a tokenizer of another kind */
function refuseOtherKinds(folder: string, names: readonly string[]): void {
  for (const [pattern, kind] of otherKinds) {
    const name = names.find((each) => pattern.test(each));
    if (name === undefined) continue;
    const path = join(folder, name);
    throw new DataError('tokenizer-kind', `${path} holds ${kind}, not the pieces of a PLaMo 2 tokenizer`, {
      remedy: `Give a ${PIECES_FILE}; "tsumugi tokenizer train" makes one.`,
      fields: { path },
    });
  }
}

/**
 * Reads a tokenizer.jsonl, or the one in a folder, and the tokenizer_config.json beside it if there is one.
 * @throws DataError when there is no such file, or one of another kind of tokenizer; FormatError when a file is malformed
 */
export function readTokenizerFiles(fileOrFolder: string): TokenizerFiles {
  const found = statSync(fileOrFolder, { throwIfNoEntry: false });
  const path = found?.isDirectory() ? join(fileOrFolder, PIECES_FILE) : fileOrFolder;
  const isThere = found && statSync(path, { throwIfNoEntry: false })?.isFile();
  if (found?.isFile()) refuseOtherKinds(dirname(path), [basename(path)]);
  else if (found?.isDirectory() && !isThere) refuseOtherKinds(fileOrFolder, readdirSync(fileOrFolder));
  if (!isThere) {
    throw new DataError('tokenizer-not-found', `there is no tokenizer at ${path}`, {
      remedy: `Give a ${PIECES_FILE} or a model folder that holds one.`,
      fields: { path },
    });
  }
  const pieces = parsePieces(decodeUtf8(readBytes(path, MAX_TOKENIZER_BYTES), path), path);
  const configPath = join(dirname(path), CONFIG_FILE);
  return { path, pieces, config: existsSync(configPath) ? readConfig(configPath) : CLASS_DEFAULTS };
}

function readConfig(path: string): TokenizerConfig {
  const remedy = 'Correct the file, or remove it to use the defaults.';
  const refuse = (fault: string) =>
    new FormatError('tokenizer-config', `${path}: ${fault}`, { remedy, fields: { path } });
  const config = readJsonValue(path, { remedy });
  if (!isObject(config)) throw refuse('is not a JSON object');
  const flag = (key: string, otherwise: boolean) => {
    const value = config[key] ?? otherwise;
    if (typeof value !== 'boolean') throw refuse(`${key} is ${JSON.stringify(value)}, not true or false`);
    return value;
  };
  const names: Partial<SpecialNames> = {};
  for (const role of ['bos', 'eos', 'pad', 'unk'] as const) {
    const key = `${role}_token`;
    // The Hugging Face layout has two spellings: the name itself, or an object that holds it as `content`.
    const value = config[key] ?? undefined;
    const name = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
    if (name === undefined) continue;
    if (typeof name !== 'string') throw refuse(`${key} is ${JSON.stringify(value)}, not the name of a piece`);
    names[role] = name;
  }
  return { names, addBos: flag('add_bos_token', false), addEos: flag('add_eos_token', false) };
}

/** The content of a tokenizer.jsonl. @throws FormatError when the pieces are no vocabulary */
export function renderPieces(pieces: readonly Piece[]): string {
  return new Vocabulary(pieces).pieces
    .map(
      // Scores are written as fractions even when whole: some readers take the type of the first for all.
      ({ text, score, type }) =>
        `[${JSON.stringify(text)}, ${Number.isInteger(score) ? score.toFixed(1) : score}, "${type}", null, null]\n`,
    )
    .join('');
}

/**
 * Writes tokenizer.jsonl and tokenizer_config.json into `folder`, each whole or not at all. Sequences are marked to begin
 * with <|plamo:bos|> and not to end with <|plamo:eos|>, as in the published tokenizer.
 * @throws FormatError, before anything is written, when the pieces are no vocabulary
 */
export function writeTokenizer(folder: string, pieces: readonly Piece[]): void {
  const { lines, config } = renderTokenizer(pieces);
  writeFileAtomic(join(folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
  writeFileAtomic(join(folder, PIECES_FILE), lines);
}

/** The content of both files. @throws FormatError when the pieces are no vocabulary */
export function renderTokenizer(pieces: readonly Piece[]): { lines: string; config: Record<string, string | boolean> } {
  const config = {
    add_bos_token: true,
    add_eos_token: false,
    bos_token: SPECIAL_NAMES.bos,
    clean_up_tokenization_spaces: false,
    eos_token: SPECIAL_NAMES.eos,
    pad_token: SPECIAL_NAMES.pad,
    tokenizer_class: 'PlamoTokenizer',
    unk_token: SPECIAL_NAMES.unk,
  };
  return { lines: renderPieces(pieces), config };
}
