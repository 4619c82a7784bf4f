// A tokenizer from a file or folder, with the hash that token shards are bound to.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sha256File } from '../base/index.ts';
import { HashedFiles, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from '../store/index.ts';
import { readTokenizerFiles } from './tokenizer/format.ts';
import { Tokenizer } from './tokenizer/tokenizer.ts';

export interface OpenedTokenizer {
  tokenizer: Tokenizer;
  /** The tokenizer.jsonl it was read from. */
  path: string;
  /** SHA-256 of that file. */
  sha256: string;
}

/** @throws DataError when there is none, FormatError when it is malformed */
export function openTokenizer(fileOrFolder: string): OpenedTokenizer {
  const { path, pieces, config } = readTokenizerFiles(fileOrFolder);
  return { tokenizer: Tokenizer.fromPieces(pieces, { ...config, source: path }), path, sha256: sha256File(path) };
}

/** The files that an opened tokenizer was read from, hashed: its pieces, and what is said of them if there is something. */
export function tokenizerContent({ path }: OpenedTokenizer): Promise<HashedFiles> {
  const config = join(dirname(path), TOKENIZER_CONFIG_FILE);
  const files = new Map([[TOKENIZER_FILE, path]]);
  if (existsSync(config)) files.set(TOKENIZER_CONFIG_FILE, config);
  return HashedFiles.of(files);
}
